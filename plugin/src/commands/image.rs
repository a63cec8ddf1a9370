//! `image`: the Job's image, which travels with the plugin. Input: the image archive beside the program. Output: a registry has
//! it (`push`), a file is it (`save`), or stdout names it (`digest`).

use eks_encrypt_job::wire::exit::ExitCode;

use crate::cli::{Image, ImagePush, ImageSave};
use crate::error::{CliError, run_blocking};
use crate::registry::credentials::AwsUse;
use crate::registry::push::Push;
use crate::registry::{archive, save};
use crate::ui::terminal::{self, Terminal};

/// Does what one of the commands says.
pub(crate) async fn run(command: &Image, terminal: &Terminal) -> Result<ExitCode, CliError> {
    match command {
        Image::Push(args) => push(args, terminal).await?,
        Image::Save(args) => save(args, terminal).await?,
        Image::Digest(args) => {
            let named = args.archive.clone();
            let image =
                run_blocking(move || archive::find(named.as_deref()).and_then(|path| archive::read(&path))).await?;
            terminal::stdout(&image.index.digest);
        }
    }
    Ok(ExitCode::Done)
}

/// stdout is the name alone, to be pasted or assigned.
async fn push(args: &ImagePush, terminal: &Terminal) -> Result<(), CliError> {
    let push =
        Push::prepare(&args.push_image, &args.registry, AwsUse::As(args.profile.clone()), args.overwrite_tag).await?;
    push.push(terminal).await?;
    terminal.println("Done. Its name, which never means another image, for --image:");
    terminal::stdout(&push.by_digest());
    Ok(())
}

async fn save(args: &ImageSave, terminal: &Terminal) -> Result<(), CliError> {
    let (named, to) = (args.archive.clone(), args.file.clone());
    let image = run_blocking(move || {
        let path = archive::find(named.as_deref())?;
        // A damaged archive is not handed on.
        let (image, mut file) = archive::open(&path)?;
        save::save(&mut file, &to)?;
        Ok::<_, CliError>(image)
    })
    .await?;
    terminal.println(&format!("saved image {}, {}", image.version, image.index.digest));
    Ok(())
}

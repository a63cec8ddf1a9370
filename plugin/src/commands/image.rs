//! `image`: the Job's image, which travels with the plugin. Input: the image archive beside the program. Output: a registry has
//! it (`push`), a file is it (`save`), or stdout names it (`digest`).

use eks_encrypt_job::wire::exit::ExitCode;

use crate::cli::{Image, ImagePush, ImageSave};
use crate::registry::login::Aws;
use crate::registry::push::Push;
use crate::registry::{archive, save};
use crate::stop::{Stop, aside};
use crate::ui::screen::{self, Screen};

/// Does what one of the commands says.
pub(crate) async fn run(command: &Image, screen: &Screen) -> Result<ExitCode, Stop> {
    match command {
        Image::Push(args) => push(args, screen).await?,
        Image::Save(args) => save(args, screen).await?,
        Image::Digest(args) => {
            let named = args.archive.clone();
            let image = aside(move || archive::find(named.as_deref()).and_then(|path| archive::read(&path))).await?;
            screen::stdout(&image.index.digest);
        }
    }
    Ok(ExitCode::Done)
}

/// stdout is the name alone, to be pasted or assigned.
async fn push(args: &ImagePush, screen: &Screen) -> Result<(), Stop> {
    let push =
        Push::prepare(&args.push_image, &args.registry, Aws::As(args.profile.clone()), args.overwrite_tag).await?;
    push.push(screen).await?;
    screen.line("Done. Its name, which never means another image, for --image:");
    screen::stdout(&push.by_digest());
    Ok(())
}

async fn save(args: &ImageSave, screen: &Screen) -> Result<(), Stop> {
    let (named, to) = (args.archive.clone(), args.file.clone());
    let image = aside(move || {
        let path = archive::find(named.as_deref())?;
        // A damaged archive is not handed on.
        let (image, mut file) = archive::open(&path)?;
        save::save(&mut file, &to)?;
        Ok::<_, Stop>(image)
    })
    .await?;
    screen.line(&format!("saved image {}, {}", image.version, image.index.digest));
    Ok(())
}

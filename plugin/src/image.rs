//! `image`: the Job's image, which travels with the plugin. Input: the image archive beside the program. Output: a registry has
//! it (`push`), a file is it (`save`), or stdout names it (`digest`). `enable --push-image` and `reencrypt --push-image` push it
//! too (`before`).
//!
//! A push, in the order of its files: `archive` (read and checked) -> `login` (`docker`, `ecr`, `password`) -> `registry` (with
//! `trouble` for what goes wrong) -> `push`.

pub(crate) mod archive;
pub(crate) mod before;
mod docker;
mod ecr;
mod file;
#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod hostile_tests;
pub(crate) mod login;
mod password;
pub(crate) mod push;
pub(crate) mod reference;
mod registry;
mod save;
mod trouble;

use eks_encrypt_job::wire::exit::ExitCode;

use crate::cli::{Image, ImagePush, ImageSave};
use crate::image::login::Aws;
use crate::image::push::Push;
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

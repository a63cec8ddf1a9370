//! Names of images, as people type them. Input: the values of `--image`, `--push-image` and `image push`. Output: a name that
//! can be one, or what is wrong with it, while nothing has been asked of anybody yet.

use oci_spec::distribution::Reference;

/// Where an image is pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    /// The registry's host, with its port if it has one.
    pub(crate) registry: String,
    /// The repository in it.
    pub(crate) repository: String,
    /// The tag, if one was typed.
    pub(crate) tag: Option<String>,
}

impl Destination {
    /// `REGISTRY/REPO`.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }

    /// `REGISTRY/REPO:TAG` as it was typed.
    pub(crate) fn typed(&self) -> String {
        self.tag.as_ref().map_or_else(|| self.name(), |tag| format!("{}:{tag}", self.name()))
    }
}

/// `REGISTRY/REPO[:TAG]`.
pub(crate) fn parse_destination(text: &str) -> Result<Destination, String> {
    const FORM: &str = "must be REGISTRY/REPO or REGISTRY/REPO:TAG";
    let reference = parse(text)?;
    if reference.digest().is_some() {
        return Err(format!("{FORM}; the digest is the image's own, and printed"));
    }
    // Without one, the parser takes Docker Hub's; what is pushed to the wrong place is public there.
    let Some((host, path)) = text.split_once('/').filter(|(host, _)| is_host(host)) else {
        return Err(format!(
            "{FORM}, such as registry.example.com/eks-encrypt-job; Docker Hub's is docker.io/NAME/REPO"
        ));
    };
    let tag = path.contains(':').then(|| reference.tag().map(str::to_owned)).flatten();
    Ok(Destination { registry: host.to_owned(), repository: reference.repository().to_owned(), tag })
}

/// Any name of an image, by tag or by digest; given back as it was typed.
pub(crate) fn parse_image(text: &str) -> Result<String, String> {
    parse(text).map(|_| text.to_owned())
}

/// Docker's rule (`splitDockerDomain` of github.com/distribution/reference): else it is a folder of Docker Hub.
fn is_host(part: &str) -> bool {
    part.contains(['.', ':']) || part == "localhost"
}

fn parse(text: &str) -> Result<Reference, String> {
    if text.contains("://") {
        return Err("must be without http:// or https://".to_owned());
    }
    if text.contains(char::is_whitespace) {
        return Err("must be without spaces".to_owned());
    }
    let reference = text.parse::<Reference>().map_err(|error| match has_upper_case(text) {
        true => "the repository must be in lower case".to_owned(),
        false => format!("{error}: must be REGISTRY/REPO:TAG or REGISTRY/REPO@sha256:DIGEST"),
    })?;
    // The parser takes a folder in upper case for a host.
    if has_upper_case(reference.repository()) {
        return Err("the repository must be in lower case".to_owned());
    }
    Ok(reference)
}

/// Whether what comes before tag and digest has upper case where the host is not.
fn has_upper_case(text: &str) -> bool {
    let text = text.split('@').next().unwrap_or_default();
    let path = match text.split_once('/') {
        Some((host, path)) if is_host(host) => path,
        _ => text,
    };
    path.split(':').next().is_some_and(|repository| repository.contains(|c: char| c.is_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    //! What people type, and what they are told.
    use super::*;

    fn told<T: std::fmt::Debug>(of: impl Fn(&str) -> Result<T, String>, all: &[&str]) -> String {
        let one = |text: &&str| match of(text) {
            Ok(good) => format!("{text}\n  {good:?}"),
            Err(error) => format!("{text}\n  error: {error}"),
        };
        all.iter().map(one).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn destinations_name_their_registry() {
        let all = [
            "registry.example.com/team/eks-encrypt-job",
            "localhost:5000/job:v2",
            "localhost/job",
            "[::1]:5000/job",
            "docker.io/me/job:1",
            "team/job",
            "job:1",
            "registry.example.com/job@sha256:0000000000000000000000000000000000000000000000000000000000000000",
            "https://registry.example.com/job",
            "registry.example.com/Team/job",
            "registry.example.com/job:",
            "registry.example.com/",
            "",
        ];
        insta::assert_snapshot!(told(parse_destination, &all), @r#"
        registry.example.com/team/eks-encrypt-job
          Destination { registry: "registry.example.com", repository: "team/eks-encrypt-job", tag: None }
        localhost:5000/job:v2
          Destination { registry: "localhost:5000", repository: "job", tag: Some("v2") }
        localhost/job
          Destination { registry: "localhost", repository: "job", tag: None }
        [::1]:5000/job
          error: invalid reference format: must be REGISTRY/REPO:TAG or REGISTRY/REPO@sha256:DIGEST
        docker.io/me/job:1
          Destination { registry: "docker.io", repository: "me/job", tag: Some("1") }
        team/job
          error: must be REGISTRY/REPO or REGISTRY/REPO:TAG, such as registry.example.com/eks-encrypt-job; Docker Hub's is docker.io/NAME/REPO
        job:1
          error: must be REGISTRY/REPO or REGISTRY/REPO:TAG, such as registry.example.com/eks-encrypt-job; Docker Hub's is docker.io/NAME/REPO
        registry.example.com/job@sha256:0000000000000000000000000000000000000000000000000000000000000000
          error: must be REGISTRY/REPO or REGISTRY/REPO:TAG; the digest is the image's own, and printed
        https://registry.example.com/job
          error: must be without http:// or https://
        registry.example.com/Team/job
          error: the repository must be in lower case
        registry.example.com/job:
          error: invalid reference format: must be REGISTRY/REPO:TAG or REGISTRY/REPO@sha256:DIGEST
        registry.example.com/
          error: invalid reference format: must be REGISTRY/REPO:TAG or REGISTRY/REPO@sha256:DIGEST

          error: repository name must have at least one component: must be REGISTRY/REPO:TAG or REGISTRY/REPO@sha256:DIGEST
        "#);
    }

    #[test]
    fn images_have_the_form_of_one() {
        let all = [
            "registry.example/job:1",
            "registry.example:5000/team/job:1@sha256:0000000000000000000000000000000000000000000000000000000000000000",
            "registry.example/job@sha256:00",
            "registry.example/job@md5:00000000000000000000000000000000",
            "Registry.example/job:V1",
            "Team/job:1",
            "registry.example/Job",
            "registry.example/job :1",
            "job",
            "-x",
        ];
        insta::assert_snapshot!(told(parse_image, &all), @r#"
        registry.example/job:1
          "registry.example/job:1"
        registry.example:5000/team/job:1@sha256:0000000000000000000000000000000000000000000000000000000000000000
          "registry.example:5000/team/job:1@sha256:0000000000000000000000000000000000000000000000000000000000000000"
        registry.example/job@sha256:00
          error: invalid reference format: must be REGISTRY/REPO:TAG or REGISTRY/REPO@sha256:DIGEST
        registry.example/job@md5:00000000000000000000000000000000
          error: unsupported digest algorithm: must be REGISTRY/REPO:TAG or REGISTRY/REPO@sha256:DIGEST
        Registry.example/job:V1
          "Registry.example/job:V1"
        Team/job:1
          error: the repository must be in lower case
        registry.example/Job
          error: the repository must be in lower case
        registry.example/job :1
          error: must be without spaces
        job
          "job"
        -x
          error: invalid reference format: must be REGISTRY/REPO:TAG or REGISTRY/REPO@sha256:DIGEST
        "#);
    }
}

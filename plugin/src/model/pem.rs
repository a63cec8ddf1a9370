//! Certificates in PEM. Input: what EKS, a kubeconfig or a person's file gives. Output: DER, to compare or to check before
//! a TLS library that panics on what it can't read gets hold of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The certificates of a PEM text; `None` if there are none, or one can't be read.
pub(crate) fn certificates(text: &str) -> Option<Vec<Vec<u8>>> {
    let parts = text.split("-----BEGIN CERTIFICATE-----").skip(1);
    let one = |part: &str| {
        let (body, _) = part.split_once("-----END CERTIFICATE-----")?;
        STANDARD.decode(body.split_whitespace().collect::<String>()).ok()
    };
    parts.map(one).collect::<Option<Vec<_>>>().filter(|found| !found.is_empty())
}

/// The same for a PEM text in base64, as EKS has it; what can't be read is empty, and equal to nothing.
pub(crate) fn certificates_in_base64(text: &str) -> Vec<Vec<u8>> {
    let pem = STANDARD.decode(text.trim()).ok().and_then(|pem| String::from_utf8(pem).ok());
    pem.and_then(|pem| certificates(&pem)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    //! Bundles, and what only looks like one.
    use super::*;

    const ONE: &str = "a comment\n-----BEGIN CERTIFICATE-----\nYXV0aG9yaXR5\n-----END CERTIFICATE-----\n";

    #[test]
    fn every_certificate_of_a_bundle_is_read() {
        assert_eq!(certificates(&ONE.repeat(2)), Some(vec![b"authority".to_vec(); 2]));
    }

    #[test]
    fn what_cannot_be_read_is_no_certificate() {
        assert_eq!(certificates(""), None);
        assert_eq!(certificates("not PEM"), None);
        assert_eq!(certificates(&format!("{ONE}{}", ONE.replace("YXV0", "?!"))), None, "half a bundle is not a bundle");
        assert_eq!(certificates(ONE.split_once("-----END").unwrap().0), None);
    }
}

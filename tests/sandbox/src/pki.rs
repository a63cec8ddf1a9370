//! The certificate authority of one sandbox, and what it signs: the API server's certificate, each component's client
//! certificate, and the key of service account tokens. Made anew for each sandbox; nothing outside trusts it.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use thiserror::Error;

/// A certificate could not be made or written.
#[derive(Debug, Error)]
pub(crate) enum PkiError {
    /// It could not be made.
    #[error("the certificate of {0} could not be made")]
    Make(String, #[source] rcgen::Error),
    /// It could not be written.
    #[error("{} could not be written", .0.display())]
    Write(PathBuf, #[source] std::io::Error),
}

/// A certificate authority with a folder for what it signs.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
}

/// A certificate and its key, as files and as text.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) cert_file: PathBuf,
    pub(crate) key_file: PathBuf,
    pub(crate) cert: String,
    pub(crate) key: String,
}

/// The files of the key pair that service account tokens are signed with.
#[derive(Clone, Debug)]
pub(crate) struct TokenKey {
    pub(crate) private: PathBuf,
    pub(crate) public: PathBuf,
}

impl Authority {
    /// Makes the authority and writes its certificate.
    pub(crate) fn new(folder: &Path) -> Result<Self, PkiError> {
        let failed = |error| PkiError::Make("the authority".to_owned(), error);
        let mut params = CertificateParams::default();
        params.distinguished_name = subject("eks-encrypt-sandbox", &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().map_err(failed)?;
        let issuer = CertifiedIssuer::self_signed(params, key).map_err(failed)?;
        let authority = Self { issuer, folder: folder.to_owned() };
        write(&authority.ca_file(), &authority.pem())?;
        Ok(authority)
    }

    /// The authority's certificate, PEM.
    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// The file with [`Self::pem`].
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    /// Signs the certificate of a server with these names and addresses.
    pub(crate) fn server(&self, name: &str, names: &[&str], addresses: &[IpAddr]) -> Result<Certificate, PkiError> {
        let names = names.iter().map(ToString::to_string).chain(addresses.iter().map(IpAddr::to_string));
        let mut params = CertificateParams::new(names.collect::<Vec<_>>())
            .map_err(|error| PkiError::Make(name.to_owned(), error))?;
        params.distinguished_name = subject(name, &[]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(name, params)
    }

    /// Signs the certificate of a Kubernetes user with these groups.
    pub(crate) fn client(&self, file: &str, user: &str, groups: &[&str]) -> Result<Certificate, PkiError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = subject(user, groups);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(file, params)
    }

    /// Makes a key pair for service account tokens.
    pub(crate) fn token_key(&self) -> Result<TokenKey, PkiError> {
        let key = KeyPair::generate().map_err(|error| PkiError::Make("service account tokens".to_owned(), error))?;
        let file = |ending| self.folder.join(format!("service-account.{ending}"));
        let files = TokenKey { private: file("key"), public: file("pub") };
        write(&files.private, &key.serialize_pem())?;
        write(&files.public, &key.public_key_pem())?;
        Ok(files)
    }

    fn sign(&self, name: &str, mut params: CertificateParams) -> Result<Certificate, PkiError> {
        let failed = |error| PkiError::Make(name.to_owned(), error);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(failed)?;
        let cert = params.signed_by(&key, &self.issuer).map_err(failed)?.pem();
        let file = |ending| self.folder.join(format!("{name}.{ending}"));
        let certificate = Certificate { cert_file: file("crt"), key_file: file("key"), cert, key: key.serialize_pem() };
        write(&certificate.cert_file, &certificate.cert)?;
        write(&certificate.key_file, &certificate.key)?;
        Ok(certificate)
    }
}

fn subject(name: &str, groups: &[&str]) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    // Kubernetes reads the groups of a client certificate from its organizations.
    for group in groups {
        subject.push(DnType::OrganizationName, *group);
    }
    subject
}

fn write(file: &Path, text: &str) -> Result<(), PkiError> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(file).and_then(|mut open| open.write_all(text.as_bytes())).map_err(|e| PkiError::Write(file.into(), e))
}

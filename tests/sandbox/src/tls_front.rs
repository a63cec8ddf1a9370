//! TLS before a server that has none: the AWS endpoint as a VPC endpoint shows it, a webhook as kube-apiserver demands it. Input:
//! connections. Output: their bytes, without TLS, to that server, and its bytes back: nothing is read or changed on the way, so
//! that signatures stay what they are.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_util::sync::CancellationToken;

use crate::pki::{Authority, Certificate};

/// How long a handshake may take: who connects and says nothing must not be waited for at the end.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// It listens as long as this value lives.
#[derive(Debug)]
pub struct TlsFront {
    /// Where it listens, `https://ADDRESS:PORT`.
    pub url: String,
    /// The certificate of the authority that its certificate is of.
    pub ca_file: PathBuf,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl TlsFront {
    /// Listens at an address, with a certificate of an authority of its own, whose files go into a folder.
    ///
    /// # Errors
    /// The address or the folder can't be used.
    pub fn open(at: IpAddr, to: SocketAddr, folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("can't make {}", folder.display()))?;
        let ca = Authority::new(folder)?;
        let certificate = ca.server("server", &[], &[at])?;
        let tls = TlsAcceptor::from(Arc::new(config(&certificate)?));
        let listener = std::net::TcpListener::bind((at, 0)).with_context(|| format!("can't listen at {at}"))?;
        listener.set_nonblocking(true)?;
        let url = format!("https://{}", listener.local_addr()?);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let stop = CancellationToken::new();
        let until = stop.clone();
        let thread = std::thread::spawn(move || {
            let ended = runtime.block_on(until.run_until_cancelled(serve(listener, to, tls)));
            if let Some(Err(error)) = ended {
                eprintln!("the TLS front ended: {error}");
            }
        });
        Ok(Self { url, ca_file: ca.ca_file(), stop, thread: Some(thread) })
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.stop.cancel();
        // A panic of its own has been printed already.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn config(certificate: &Certificate) -> anyhow::Result<ServerConfig> {
    let chain = vec![CertificateDer::from_pem_slice(certificate.cert.as_bytes())?];
    let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes())?;
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    Ok(builder.with_safe_default_protocol_versions()?.with_no_client_auth().with_single_cert(chain, key)?)
}

async fn serve(listener: std::net::TcpListener, to: SocketAddr, tls: TlsAcceptor) -> std::io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        // Who hangs up, or does not trust us, has said so to the person who called.
        tokio::spawn(pass(stream, to, tls.clone()));
    }
}

async fn pass(stream: TcpStream, to: SocketAddr, tls: TlsAcceptor) -> std::io::Result<()> {
    let mut inside = tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await??;
    let mut outside = TcpStream::connect(to).await?;
    tokio::io::copy_bidirectional(&mut inside, &mut outside).await.map(|_| ())
}

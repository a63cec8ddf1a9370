//! What goes over the wire for each Secret, counted by a relay between the engine and the API server: the same whether a
//! Secret is small or large, because its data never travels.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::{TcpListener, TcpStream};

use crate::engine::Engine;
use crate::harness::Harness;
use crate::report::{Bound, Report};

/// Some hundred, so that TLS handshakes and the list's frame weigh little.
const SECRETS: u32 = 300;

/// Measures both sizes.
pub(crate) fn measure(harness: &Harness, report: &mut Report) -> anyhow::Result<()> {
    let mut each = Vec::new();
    for (size, output) in [(1024, "1 KiB"), (512 * 1024, "512 KiB")] {
        harness.seed(SECRETS, size)?;
        // Connections cost bytes too: a fixed number of them.
        let bytes = count(harness)?;
        harness.clear()?;
        each.push(bytes as f64 / f64::from(SECRETS));
        report.add(format!("bytes on the wire for each Secret of {output}"), each[each.len() - 1], "bytes", None);
    }
    report.add("  512 KiB against 1 KiB", each[1] / each[0], "x", Some(Bound::AtMost(1.05)));
    Ok(())
}

/// Bytes in both directions during one run.
fn count(harness: &Harness) -> anyhow::Result<u64> {
    let (target, bytes) = (harness.server().to_string(), Arc::new(AtomicU64::new(0)));
    let listener = harness.runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
    let port = listener.local_addr()?.port();
    let relay = harness.runtime.spawn(relay(listener, target, bytes.clone()));
    let ended = Engine::new(harness, "8")?.by_way_of("127.0.0.1", port).run(SECRETS);
    relay.abort();
    ended.map(|_| bytes.load(Ordering::Relaxed))
}

/// Passes every connection on.
async fn relay(listener: TcpListener, target: String, bytes: Arc<AtomicU64>) {
    while let Ok((client, _)) = listener.accept().await {
        let (target, bytes) = (target.clone(), bytes.clone());
        tokio::spawn(async move {
            let Ok(server) = TcpStream::connect(target).await else { return };
            let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
                (client.into_split(), server.into_split());
            let up = pass(&mut from_client, &mut to_server, &bytes);
            let down = pass(&mut from_server, &mut to_client, &bytes);
            tokio::join!(up, down);
        });
    }
}

/// One direction, counted as it goes: a connection that is still open counts too.
async fn pass(
    from: &mut (impl tokio::io::AsyncRead + Unpin),
    to: &mut (impl tokio::io::AsyncWrite + Unpin),
    bytes: &AtomicU64,
) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        bytes.fetch_add(read as u64, Ordering::Relaxed);
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
    // The other side has closed, or is gone.
    let _ = to.shutdown().await;
}

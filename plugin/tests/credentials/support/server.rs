//! An HTTP server on loopback that answers by a function and remembers what it was asked. It can be a proxy too: it then opens
//! the tunnels that CONNECT asks for, to where a test says.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query; of CONNECT, host and port.
    pub(crate) target: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(set, _)| set.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// A parameter in the body's form.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let pair = self.body.split('&').find_map(|pair| pair.split_once('=').filter(|(set, _)| *set == name));
        pair.map(|(_, value)| value.replace("%3A", ":").replace("%2F", "/"))
    }

    /// The access key that signed it.
    pub(crate) fn signer(&self) -> Option<String> {
        let (_, scope) = self.header("authorization")?.split_once("Credential=")?;
        Some(scope.split('/').next()?.to_owned())
    }
}

/// A server that lives as long as the test's process.
pub(crate) struct Server {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// One that answers with a status and a body.
    pub(crate) fn new(answer: impl Fn(&Request) -> (u16, String) + Send + Sync + 'static) -> Self {
        Self::serve(move |request, mut stream| {
            let (status, body) = answer(request);
            // The IMDS client wants to know how long its token lives.
            let head = format!(
                "HTTP/1.1 {status} x\r\ncontent-length: {}\r\ncontent-type: text/xml\r\n\
                 x-aws-ec2-metadata-token-ttl-seconds: 21600\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
        })
    }

    /// A proxy: every tunnel leads to `target`, wherever it was asked to lead.
    pub(crate) fn proxy(target: SocketAddr) -> Self {
        Self::serve(move |request, mut stream| {
            if request.method != "CONNECT" {
                let _ = stream.write_all(b"HTTP/1.1 405 x\r\ncontent-length: 0\r\n\r\n");
                return;
            }
            let there = TcpStream::connect(target).unwrap();
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            let (mut back, mut forth) = (there.try_clone().unwrap(), stream.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut back, &mut forth));
            let _ = std::io::copy(&mut stream, &mut &there);
        })
    }

    fn serve(handle: impl Fn(&Request, TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self { address: listener.local_addr().unwrap(), heard: Arc::default() };
        let (heard, handle) = (Arc::clone(&server.heard), Arc::new(handle));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (heard, handle) = (Arc::clone(&heard), Arc::clone(&handle));
                std::thread::spawn(move || {
                    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
                    if let Some(request) = read(&mut &stream) {
                        heard.lock().unwrap().push(request.clone());
                        handle(&request, stream);
                    }
                });
            }
        });
        server
    }

    /// Its address as a URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it was asked so far.
    pub(crate) fn heard(&self) -> Vec<Request> {
        self.heard.lock().unwrap().clone()
    }
}

/// Reads a request; nothing, if the other side goes away.
pub(super) fn read(stream: &mut impl Read) -> Option<Request> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ').map(str::to_owned);
    let headers =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut request =
        Request { method: words.next()?, target: words.next()?, headers: headers.collect(), body: String::new() };
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    request.body = String::from_utf8_lossy(&body).into_owned();
    Some(request)
}

//! An air gap: a network from which nothing can be reached but one sandbox's API server, registry and AWS endpoint, and that
//! knows of everything else that somebody tried. Input: a sandbox with a node, and commands. Output: what they did, and to whom
//! they began to talk elsewhere: it must be nobody, no name server included.
//!
//! ```text
//! the machine                                     the gap, a thread's network namespace (room.rs)
//!   198.18.LANE.1    API server, registry           198.18.LANE.254
//!   198.18.LANE.253  AWS endpoint, TLS   <- cable -> routes to these two addresses
//!                                                   every other address is the gap's own loopback
//! ```
//!
//! That last line is what tells: whatever is not meant for the sandbox goes through the gap's loopback, which has no other use.
//! The kernel counts its packets, and an ear says what they were. Whoever connects is refused at once, as nobody listens.

mod netns;
mod packet_capture;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use nix::sched::{CloneFlags, setns};

use netns::NetnsThread;
pub use packet_capture::{Connection, PacketCapture};

use crate::network_slot::Net;
use crate::node::network::run;
use crate::sandbox::Sandbox;
use crate::tls_front::TlsFront;

/// How long the kernel may take to remove the cable, and the ear to hear what was counted.
const KERNEL: Duration = Duration::from_secs(10);

/// How often a wait looks.
const LOOK: Duration = Duration::from_millis(20);

/// An air gap around a sandbox; gone when dropped.
#[derive(Debug)]
pub struct AirGap {
    aws: TlsFront,
    ear: Option<PacketCapture>,
    room: Option<NetnsThread>,
    net: Net,
}

impl AirGap {
    /// Makes one, with a cable to the sandbox. A sandbox has at most one at a time.
    ///
    /// # Errors
    /// The sandbox has no node, this is not root, or there is one already.
    pub fn around(sandbox: &Sandbox) -> anyhow::Result<Self> {
        let info = sandbox.info();
        // Without a node, the API server listens on loopback, where nobody else gets.
        ensure!(info.node.is_some(), "an air gap needs a sandbox with a node");
        let net = Net::of(&info.endpoint).context("the API server's address is of no lane")?;
        let (room, ear) = NetnsThread::make(move || setup(net))?;
        run(&format!("ip address add {}/30 dev {}", net.air_gap_host(), net.air_gap_interface()))?;
        run(&format!("ip link set {} up", net.air_gap_interface()))?;
        let to: SocketAddr = info.aws_endpoint.trim_start_matches("http://").parse()?;
        let aws = TlsFront::open(net.air_gap_host().into(), to, &sandbox.folder().state().join("air-gap"))?;
        Ok(Self { aws, ear: Some(ear), room: Some(room), net })
    }

    /// A sandbox's command, made one of the gap: it finds AWS at the VPC endpoint, may ask for the machine's metadata (and must
    /// not), and does not outlive the gap.
    #[must_use]
    pub fn command(&self, command: &Command) -> Command {
        let mut wrapped = Command::new("setpriv");
        wrapped.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(_) if name.to_string_lossy().starts_with("AWS_ENDPOINT_URL") => wrapped.env(name, &self.aws.url),
                Some(value) => wrapped.env(name, value),
                None => wrapped.env_remove(name),
            };
        }
        wrapped.env("AWS_CA_BUNDLE", &self.aws.ca_file).env_remove("AWS_EC2_METADATA_DISABLED");
        wrapped
    }

    /// Has something done inside, such as running a command.
    ///
    /// # Errors
    /// It panicked.
    pub fn inside<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> anyhow::Result<T> {
        self.room.as_ref().context("the gap is closed")?.inside(work)
    }

    /// To whom somebody inside began to talk that is not of the sandbox, in words.
    ///
    /// # Errors
    /// The kernel's counter can't be read.
    pub fn outside_connections(&self) -> anyhow::Result<Vec<String>> {
        // The kernel counts each packet; the ear is a little behind, and only explains.
        let packets = self.inside(loopback_packets)??;
        let deadline = Instant::now() + KERNEL;
        while packets > 0 && Instant::now() < deadline {
            let words: Vec<_> = self.captured_outside();
            if !words.is_empty() {
                return Ok(words);
            }
            std::thread::sleep(LOOK);
        }
        Ok(if packets > 0 { vec![format!("{packets} packets that nobody can explain")] } else { Vec::new() })
    }

    fn captured_outside(&self) -> Vec<String> {
        let ours = [self.net.host(), self.net.air_gap_host()].map(IpAddr::V4);
        let heard = self.ear.iter().flat_map(PacketCapture::connections);
        heard.filter(|begun| !ours.contains(&begun.to)).map(|begun| begun.to_string()).collect()
    }
}

impl Drop for AirGap {
    fn drop(&mut self) {
        // The ear's socket too keeps the namespace.
        drop((self.ear.take(), self.room.take()));
        let (cable, deadline) =
            (Path::new("/sys/class/net").join(self.net.air_gap_interface()), Instant::now() + KERNEL);
        while cable.exists() && Instant::now() < deadline {
            std::thread::sleep(LOOK);
        }
    }
}

/// What is done in the fresh namespaces: the cable, the routes, and an ear.
fn setup(net: Net) -> anyhow::Result<PacketCapture> {
    // Names can also be asked for by a socket in the file system (nscd, systemd-resolved), which no network namespace parts.
    run("mount --make-rprivate /")?;
    run("mount -t tmpfs -o mode=0755 tmpfs /run")?;
    run("ip link set lo up")?;
    // Our process, of which this thread is part, is in the machine's namespace still.
    let machine = std::process::id();
    run(&format!("ip link add eth0 type veth peer name {} netns {machine}", net.air_gap_interface()))?;
    run(&format!("ip address add {}/30 dev eth0", net.air_gap()))?;
    run("ip link set eth0 up")?;
    run(&format!("ip route add {}/32 via {} dev eth0", net.host(), net.air_gap_host()))?;
    // "Any IP": the kernel takes every address for its own, so that what is sent there is sent to itself, and refused.
    run("ip route add local 0.0.0.0/0 dev lo")?;
    if Path::new("/proc/thread-self/net/if_inet6").exists() {
        run("ip -6 route add local ::/0 dev lo")?;
    }
    PacketCapture::start()
}

/// How many packets have gone through the loopback of this thread's namespace.
fn loopback_packets() -> anyhow::Result<u64> {
    let file = "/proc/thread-self/net/dev";
    let text = std::fs::read_to_string(file).with_context(|| format!("can't read {file}"))?;
    let counters = text.lines().find_map(|line| line.trim_start().strip_prefix("lo:"));
    // Received bytes, packets, errors, ...: what a loopback sends it receives.
    let packets = counters.and_then(|counters| counters.split_whitespace().nth(1)?.parse().ok());
    packets.with_context(|| format!("{file} does not count the loopback's packets"))
}

/// An ear in the node's network namespace, where the Pods' packets pass.
///
/// # Errors
/// The sandbox has no node.
pub fn capture_at_node(sandbox: &Sandbox) -> anyhow::Result<PacketCapture> {
    let node = netns_of_node(sandbox.janitor_pid()?)?;
    let file = std::fs::File::open(&node).with_context(|| format!("can't open {}", node.display()))?;
    // A thread of its own, which takes the namespace with it when it ends; the ear's socket stays in it.
    let opened = std::thread::spawn(move || {
        setns(file, CloneFlags::CLONE_NEWNET).context("can't enter the node's network")?;
        PacketCapture::start()
    });
    opened.join().unwrap_or_else(|_| bail!("the thread that entered the node's network panicked"))
}

/// The first network namespace below a process that is not the machine's.
fn netns_of_node(process: u32) -> anyhow::Result<PathBuf> {
    let namespace = |process: u32| {
        let file = PathBuf::from(format!("/proc/{process}/ns/net"));
        Some((std::fs::read_link(&file).ok()?, file))
    };
    let (machine, _) = namespace(process).context("the sandbox is gone")?;
    let mut next = vec![process];
    while let Some(process) = next.pop() {
        match namespace(process) {
            Some((other, file)) if other != machine => return Ok(file),
            _ => {}
        }
        for task in std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten() {
            let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            next.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
    }
    bail!("the sandbox has no node")
}

//! kube-controller-manager and kube-scheduler: what makes Jobs have Pods and Pods have a node. Both end themselves when
//! they lose the API server at a bad moment, and count on being started again; a sandbox does so, as EKS does.

use std::path::Path;

use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;

use crate::folder::Folder;
use crate::parts::{Missing, Parts};
use crate::process::{ComponentError, Start};
use crate::process_group::{ProcessGroup, READY};

/// How often a controller is started again before its end is taken for a fault: more often than any test restarts the
/// API server.
const RESTARTS: u8 = 20;

/// A controller that is started again when it ends.
pub(crate) struct Controller {
    start: Box<dyn Fn() -> Result<Start, Missing>>,
    processes: ProcessGroup,
    restarts_left: u8,
}

impl Controller {
    /// Starts it.
    pub(crate) fn start(start: impl Fn() -> Result<Start, Missing> + 'static) -> anyhow::Result<Self> {
        let mut processes = ProcessGroup::default();
        processes.start(start()?)?;
        Ok(Self { start: Box::new(start), processes, restarts_left: RESTARTS })
    }

    /// Starts it again if it has ended; why not, if it has done so too often.
    pub(crate) fn restart_if_failed(&mut self) -> Option<ComponentError> {
        let error = self.processes.dead()?;
        eprintln!("{error}");
        self.restarts_left = self.restarts_left.saturating_sub(1);
        if self.restarts_left == 0 {
            return Some(error);
        }
        match (self.start)() {
            Ok(start) => self.processes.start(start).err(),
            Err(_) => Some(error),
        }
    }

    /// Its process id, while it runs.
    pub(crate) fn ids(&self) -> impl Iterator<Item = u32> + '_ {
        self.processes.ids()
    }

    /// Waits until the controllers do their work: a namespace has its ServiceAccount, without which no Pod can be made.
    pub(crate) async fn ready(&mut self, admin: &kube::Client) -> Result<(), ComponentError> {
        let accounts: Api<ServiceAccount> = Api::namespaced(admin.clone(), "default");
        let look = || async { accounts.get("default").await.map(|_| ()).map_err(|error| format!("{error:#}")) };
        self.processes.ready(READY, look).await
    }
}

/// What the controller manager is started with. It signs tokens for the token Secrets of service accounts, as EKS's does.
pub(crate) fn manager(
    parts: &Parts,
    folder: &Folder,
    ca: &Path,
    token_key: &Path,
    port: u16,
) -> Result<Start, Missing> {
    let name = "kube-controller-manager";
    Ok(component(parts, folder, name, port)?
        .arg("--use-service-account-credentials=true")
        // Each controller asks for credentials of its own when it starts: at the default rate that takes 6 s.
        .args(["--kube-api-qps=500", "--kube-api-burst=1000"])
        .arg(format!("--root-ca-file={}", ca.display()))
        .arg(format!("--service-account-private-key-file={}", token_key.display())))
}

/// What the scheduler is started with.
pub(crate) fn scheduler(parts: &Parts, folder: &Folder, port: u16) -> Result<Start, Missing> {
    component(parts, folder, "kube-scheduler", port)
}

fn component(parts: &Parts, folder: &Folder, name: &str, port: u16) -> Result<Start, Missing> {
    let kubeconfig = folder.component_kubeconfig(name);
    let kubeconfig = kubeconfig.display();
    Ok(Start::new(name, &parts.program(name)?, folder.log(name))
        .arg(format!("--kubeconfig={kubeconfig}"))
        .arg(format!("--authentication-kubeconfig={kubeconfig}"))
        .arg(format!("--authorization-kubeconfig={kubeconfig}"))
        .arg("--bind-address=127.0.0.1")
        .arg(format!("--secure-port={port}"))
        // Alone, they need no lease: with one, a restarted API server would cost them 15 s of waiting for it.
        .arg("--leader-elect=false"))
}

//! kube-controller-manager and kube-scheduler: what makes Jobs have Pods and Pods have a node.

use std::path::Path;

use crate::folder::Folder;
use crate::parts::{Missing, Parts};
use crate::process::Start;

/// What the controller manager is started with. It signs tokens for the token Secrets of service accounts, as EKS's does.
pub(crate) fn manager(parts: &Parts, folder: &Folder, ca: &Path, token_key: &Path, port: u16) -> Result<Start, Missing> {
    let name = "kube-controller-manager";
    Ok(component(parts, folder, name, port)?
        .arg("--use-service-account-credentials=true")
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

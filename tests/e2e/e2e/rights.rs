//! What is printed, reviewed and applied by hand: with exactly these rights a run is done, and with one less it says which.

use super::assertions::ClusterSnapshot;
use super::node::push;
use super::running::Running;
use super::support::{Fixture, apply, as_on_eks, associated, plugin, seed_secrets};

/// The manifests as `manifests` prints them for a namespace.
fn manifests(sandbox: &Fixture, namespace: &str, image: &str) -> String {
    let key = &sandbox.info().keys.customer;
    // Touched, so that several runs can be at work at the same time and write nothing of each other's.
    let arguments = ["--namespace", namespace, "--image", image, "--key-arn", key, "--method=touch"];
    plugin(sandbox, &[&["manifests"], &arguments[..]].concat()).ok()
}

/// A right that is missing.
struct Missing {
    namespace: &'static str,
    /// The resource, the verbs that the manifests give, and those that are left.
    resource: &'static str,
    given: &'static [&'static str],
    left: &'static [&'static str],
    /// How the run ends.
    code: i32,
    /// What it says.
    says: &'static str,
}

impl Missing {
    /// The manifests without it.
    fn taken_from(&self, manifests: &str) -> String {
        let rule = |verbs: &[&str]| {
            let verbs: String = verbs.iter().map(|verb| format!("  - {verb}\n")).collect();
            format!("  - {}\n  verbs:\n{verbs}", self.resource)
        };
        let (given, left) = (rule(self.given), rule(self.left));
        assert_eq!(manifests.matches(&given).count(), 1, "{given} is not in {manifests}");
        // One Pod says it; five more would only say it later.
        manifests.replace(&given, &left).replace("backoffLimit: 5", "backoffLimit: 0")
    }
}

/// Each right of manifests/rbac.yaml. A rule without verbs makes no sense to the API server, `watch` gives nothing to a run.
const MISSING: [Missing; 12] = [
    Missing {
        namespace: "no-list",
        resource: "secrets",
        given: &["list", "patch"],
        left: &["patch"],
        code: 6,
        says: "cannot list resource \"secrets\"",
    },
    Missing {
        namespace: "no-patch",
        resource: "secrets",
        given: &["list", "patch"],
        left: &["list"],
        code: 6,
        says: "cannot patch resource \"secrets\"",
    },
    Missing {
        namespace: "no-record-get",
        resource: "configmaps",
        given: &["get", "patch"],
        left: &["patch"],
        code: 0,
        says: "cannot get resource \"configmaps\"",
    },
    Missing {
        namespace: "no-record-patch",
        resource: "configmaps",
        given: &["get", "patch"],
        left: &["get"],
        code: 0,
        says: "cannot patch resource \"configmaps\"",
    },
    Missing {
        namespace: "no-record-create",
        resource: "configmaps",
        given: &["create"],
        left: &["watch"],
        code: 0,
        says: "cannot create resource \"configmaps\"",
    },
    Missing {
        namespace: "no-lease-get",
        resource: "leases",
        given: &["get", "patch"],
        left: &["patch"],
        code: 0,
        says: "cannot get resource \"leases\"",
    },
    Missing {
        namespace: "no-lease-patch",
        resource: "leases",
        given: &["get", "patch"],
        left: &["get"],
        code: 0,
        says: "cannot patch resource \"leases\"",
    },
    Missing {
        namespace: "no-lease-create",
        resource: "leases",
        given: &["create"],
        left: &["watch"],
        code: 0,
        says: "cannot create resource \"leases\"",
    },
    // Without these three the Job can't prove what it has done, and says why. Whoever attaches proves it all the same.
    Missing {
        namespace: "no-leases-list",
        resource: "leases",
        given: &["list"],
        left: &["watch"],
        code: 0,
        says: "missing right: list leases.coordination.k8s.io in namespace kube-system",
    },
    Missing {
        namespace: "no-metrics",
        resource: "/metrics",
        given: &["get"],
        left: &["put"],
        code: 0,
        says: "missing right: get /metrics",
    },
    // What it can't delete, the plugin does.
    Missing {
        namespace: "no-binding-delete",
        resource: "clusterrolebindings",
        given: &["delete"],
        left: &["get"],
        code: 0,
        says: "can't delete ClusterRoleBinding",
    },
    // It meets the API servers by the Service's address.
    Missing {
        namespace: "no-endpointslices",
        resource: "endpointslices",
        given: &["get"],
        left: &["watch"],
        code: 0,
        says: "2 of 2 API servers write under the key",
    },
];

/// Where runs keep what they make here.
const NAMESPACES: [&str; MISSING.len() + 1] = {
    let mut all = ["eks-encrypt"; MISSING.len() + 1];
    let mut next = 0;
    while next < MISSING.len() {
        all[next + 1] = MISSING[next].namespace;
        next += 1;
    }
    all
};

#[tokio::test]
async fn with_exactly_the_printed_rights_it_is_done_and_with_one_less_it_says_which() {
    let sandbox = as_on_eks();
    seed_secrets(&sandbox, 20, 1).await;
    associated(&sandbox, &sandbox.info().keys.customer).await;
    let image = push(&sandbox);
    let before = ClusterSnapshot::of_runs_in(&sandbox, &NAMESPACES).await;

    // By hand: printed, applied, followed.
    apply(&sandbox, "all.yaml", &manifests(&sandbox, "eks-encrypt", &image));
    let output = plugin(&sandbox, &["attach"]);
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(output.stderr.contains("20 listed: 20 rewritten"), "{}", output.stderr);
    assert!(!output.stderr.contains(" is forbidden: "), "something is missing: {}", output.stderr);
    before.all_moved(&sandbox).await;

    // One less, each in a namespace of its own and all at the same time: there is nothing left to write.
    for missing in &MISSING {
        let namespace = missing.namespace;
        let less = missing.taken_from(&manifests(&sandbox, namespace, &image));
        apply(&sandbox, &format!("{namespace}.yaml"), &less);
    }
    let attach =
        |missing: &Missing| Running::start(&sandbox, missing.namespace, &["attach", "--namespace", missing.namespace]);
    let runs: Vec<Running> = MISSING.iter().map(attach).collect();
    for (missing, run) in MISSING.iter().zip(runs) {
        let (output, namespace) = (run.end(), missing.namespace);
        assert_eq!(output.code, Some(missing.code), "{namespace}: {}", output.stderr);
        let user = format!("User \"system:serviceaccount:{namespace}:eks-encrypt-");
        assert!(!missing.says.starts_with("cannot") || output.stderr.contains(&user), "{user}: {}", output.stderr);
        assert!(output.stderr.contains(missing.says), "{}: {}", missing.says, output.stderr);
    }
    before.all_moved(&sandbox).await;
}

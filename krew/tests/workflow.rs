//! The release workflow, which is not run here: what can be said of it by reading it.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use serde_json::Value;

fn workflow() -> Value {
    serde_saphyr::from_str(include_str!("../../.github/workflows/release.yml")).unwrap()
}

fn steps(job: &Value) -> &Vec<Value> {
    job["steps"].as_array().unwrap()
}

#[test]
fn it_is_yaml_in_which_every_step_does_something_and_every_action_has_a_version() {
    let workflow = workflow();
    for (name, job) in workflow["jobs"].as_object().unwrap() {
        assert!(job["runs-on"].is_string(), "{name}");
        for step in steps(job) {
            assert!(step["run"].is_string() != step["uses"].is_string(), "{name}: {step}");
            let version = step["uses"].as_str().map(|action| action.split_once('@').map(|(_, version)| version));
            assert!(version.is_none_or(|version| version.is_some_and(|version| !version.is_empty())), "{name}: {step}");
        }
        for needed in job["needs"].as_array().into_iter().flatten() {
            assert!(workflow["jobs"][needed.as_str().unwrap()].is_object(), "{name} needs {needed}");
        }
    }
}

#[test]
fn only_the_job_that_publishes_may_write() {
    let workflow = workflow();
    assert_eq!(workflow["permissions"], serde_json::json!({}));
    for (name, job) in workflow["jobs"].as_object().unwrap() {
        let writes = job["permissions"].as_object().unwrap().values().any(|right| right == "write");
        assert_eq!(writes, name == "release", "{name}");
    }
}

#[test]
fn it_calls_what_is_tested_here() {
    let workflow = workflow();
    let linux = steps(&workflow["jobs"]["linux"]);
    assert!(linux.iter().any(|step| step["run"].as_str().is_some_and(|run| run.contains("make dist "))));
    let text = steps(&workflow["jobs"]["release"]).iter().filter_map(|step| step["run"].as_str()).collect::<String>();
    for command in ["dist archive ", "dist\" manifest ", "dist\" sums "] {
        assert!(text.contains(command), "{command} is not in {text}");
    }
}

#[test]
fn it_builds_for_every_platform_of_the_krew_manifest_and_signs_what_it_makes() {
    let workflow = workflow();
    let others = workflow["jobs"]["others"]["strategy"]["matrix"]["include"].as_array().unwrap();
    let mut built: Vec<&str> = others.iter().map(|other| other["platform"].as_str().unwrap()).collect();
    // `make dist`'s.
    built.extend(["linux-amd64", "linux-arm64"]);
    let template = include_str!("../eks-encrypt.yaml.in");
    let mut offered: Vec<String> =
        template.split("@SHA256_").skip(1).map(|rest| rest.split('@').next().unwrap().to_lowercase()).collect();
    offered.sort();
    built.sort_unstable();
    assert_eq!(built.iter().map(|platform| platform.replace('-', "_")).collect::<Vec<_>>(), offered);

    let release = steps(&workflow["jobs"]["release"]);
    let does =
        |key: &str, what: &str| release.iter().position(|step| step[key].as_str().is_some_and(|it| it.contains(what)));
    let order = [
        does("run", "dist\" sums "),
        does("run", "cosign sign-blob"),
        does("uses", "attest-build-provenance"),
        does("run", "gh release create"),
    ];
    assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{order:?}");
}

#[test]
fn plugins_that_make_dist_does_not_build_say_their_commit_too() {
    let workflow = workflow();
    let build = steps(&workflow["jobs"]["others"]).iter().filter_map(|step| step["run"].as_str());
    let build = build.filter(|run| run.contains("cargo build ")).collect::<String>();
    assert!(build.contains("export EKS_ENCRYPT_REVISION"), "{build}");
}

#[test]
fn it_says_what_of_it_never_ran() {
    assert!(include_str!("../../.github/workflows/release.yml").contains("NEVER BEEN RUN"));
}

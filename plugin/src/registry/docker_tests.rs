//! Logins as docker and podman keep them.
use super::*;
use crate::model::reference::parse_destination;
use crate::testing::error_text;
use base64::engine::general_purpose::STANDARD as BASE64;
use insta::assert_snapshot;

/// What a file with this text says of a registry.
async fn credentials_of(text: &str, name: &str) -> Result<Option<(String, String)>, Error> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    std::fs::write(&file, text).unwrap();
    let found = credentials(&[folder.path().join("none.json"), file], &parse_destination(name).unwrap()).await?;
    Ok(found.credentials.map(|found| (found.username, found.password)))
}

#[test]
fn fuzz_reads_any_configuration_and_any_answer_of_a_helper() {
    let auths = format!(
        r#"{{"auths":{{"registry.example/team":{},"https://registry.example/v1/":{{"identitytoken":"x"}},
        "registry.example":{{"username":"p","password":"q"}}}},"credsStore":"s","credHelpers":{{"a":"b"}}}}"#,
        auth("a:b:c")
    );
    let to = parse_destination("registry.example/team/job").unwrap();
    let corpus = [auths.as_bytes(), br#"{"ServerURL":"s","Username":"<token>","Secret":"x"}"#, b"YTpi"];
    crate::fuzz_tests::mutate::fuzz(&corpus, |bytes| {
        if let Ok(config) = serde_json::from_slice::<Config>(bytes) {
            _ = config.auth(&to).map(|auth| auth.credentials(Path::new("x"), &to.registry));
        }
        _ = (serde_json::from_slice::<HelperOutput>(bytes).is_ok(), decode_pair(&String::from_utf8_lossy(bytes)));
    });
}

fn auth(pair: &str) -> String {
    format!(r#"{{"auth":"{}"}}"#, BASE64.encode(pair))
}

fn some(name: &str, password: &str) -> Option<(String, String)> {
    Some((name.into(), password.into()))
}

#[tokio::test]
async fn keys_are_hosts_addresses_or_repositories() {
    let auths = format!(
        r#"{{"auths":{{"registry.example":{},"https://old.example/v1/":{},"registry.example/team/b":{},"empty.example":{{}},
        "https://index.docker.io/v1/":{},"plain.example":{{"username":"p","password":"q"}}}}}}"#,
        auth("host:a:b"),
        auth("old:1"),
        auth("team:2"),
        auth("hub:3")
    );
    for (name, expected) in [
        ("registry.example/team/a", some("host", "a:b")),
        ("registry.example/team/b", some("team", "2")),
        ("registry.example/team/b/c", some("team", "2")),
        ("registry.example/team/bc", some("host", "a:b")),
        ("old.example/x", some("old", "1")),
        ("docker.io/me/x", some("hub", "3")),
        ("plain.example/x", some("p", "q")),
        ("empty.example/x", None),
        ("registry.example:5000/x", None),
    ] {
        assert_eq!(credentials_of(&auths, name).await.unwrap(), expected, "{name}");
    }
}

#[tokio::test]
async fn files_of_which_nothing_is_to_be_used() {
    assert_eq!(credentials_of("{}", "registry.example/x").await.unwrap(), None);
    assert_eq!(
        credentials_of(r#"{"credHelpers":{"registry.example":""},"other":1}"#, "registry.example/x").await.unwrap(),
        None
    );
    let dir = |text: String| {
        text.split_once("/tmp").map_or(text.clone(), |(before, after)| {
            format!("{before}DIR{}", &after[after.find("/config").unwrap_or(0)..])
        })
    };
    let mut all = Vec::new();
    for text in [
        "not JSON",
        r#"{"auths":{"registry.example":{"auth":"?"}}}"#,
        r#"{"auths":{"registry.example":{"identitytoken":"t"}}}"#,
        r#"{"credHelpers":{"registry.example":"nobody-has-this"}}"#,
    ] {
        all.push(dir(error_text(credentials_of(text, "registry.example/x").await.unwrap_err())));
    }
    assert_snapshot!(all.join("\n"), @r"
    exit 3
    error: can't read DIR/config.json, which docker or podman keeps logins in: it can't be parsed at line 1 column 2
    exit 3
    error: DIR/config.json has a login for registry.example that can't be read: `docker login registry.example` writes it anew
    exit 3
    error: DIR/config.json has an identity token for registry.example, which this program can't log in with: use --username NAME --password-stdin
    exit 3
    error: docker-credential-nobody-has-this, which DIR/config.json names for registry.example, can't be run: install it, or use --username NAME --password-stdin: No such file or directory (os error 2)
    ");
}

#[tokio::test]
async fn a_store_of_all_passwords_that_is_gone_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: String| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    };
    let gone = file("config.json", r#"{"credsStore":"nobody-has-this"}"#.to_owned());
    let podmans = file("auth.json", format!(r#"{{"auths":{{"registry.example":{}}}}}"#, auth("a:b")));
    let (to, other) = (parse_destination("registry.example/x").unwrap(), parse_destination("open.example/x").unwrap());
    let files = [gone, podmans];
    let found = credentials(&files, &to).await.unwrap();
    assert_eq!((found.credentials.unwrap().username.as_str(), found.broken), ("a", None));
    let found = credentials(&files, &other).await.unwrap();
    assert_eq!(found.credentials, None);
    let broken = found.broken.unwrap().replace(&folder.path().display().to_string(), "DIR");
    assert_snapshot!(broken, @"docker-credential-nobody-has-this, which DIR/config.json names for open.example, can't be run: install it, or use --username NAME --password-stdin: No such file or directory (os error 2)");
}

#[test]
fn helpers_answers_and_silence() {
    // A test may not change its own PATH, so a helper is run by hand, by its path.
    let answer: HelperOutput = serde_json::from_str(r#"{"ServerURL":"x","Username":"AWS","Secret":"s"}"#).unwrap();
    assert_eq!((answer.username.as_str(), answer.secret.as_str()), ("AWS", "s"));
    let credentials = Credentials { username: "n".into(), password: "hidden".into(), from: "f".into() };
    assert!(!format!("{credentials:?}").contains("hidden"));
}

#[tokio::test]
async fn a_configuration_is_not_quoted_and_has_a_bound() {
    let text = r#"{"auths":{"registry.example":"YWxpY2U6c2VjcmV0"}}"#;
    let told = error_text(credentials_of(text, "registry.example/x").await.unwrap_err());
    assert!(told.ends_with("it can't be parsed at line 1 column 47") && !told.contains("YWxp"), "{told}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.json");
    std::fs::File::create(&file).unwrap().set_len(4 << 30).unwrap();
    let to = parse_destination("registry.example/x").unwrap();
    let error = credentials(&[file], &to).await.unwrap_err();
    assert!(crate::testing::error_text(error).ends_with("it has 4194304 KiB, and at most 1024 KiB are read"));
}

#[cfg(unix)]
#[tokio::test]
async fn a_configuration_that_is_a_fifo_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("config.json");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let (tell, hear) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let to = parse_destination("registry.example/x").unwrap();
        tell.send(error_text(runtime.block_on(credentials(&[fifo], &to)).unwrap_err()))
    });
    let told = hear.recv_timeout(Duration::from_secs(10)).expect("it hangs");
    assert!(told.ends_with("it is not a regular file"), "{told}");
}

/// What is said of a helper with this script.
#[cfg(unix)]
async fn helped(script: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (written, helper) = (folder.path().join("script"), folder.path().join("docker-credential-test"));
    std::fs::write(&written, script).unwrap();
    let copied = std::process::Command::new("install").args(["-m", "755"]).args([&written, &helper]).status().unwrap();
    assert!(copied.success());
    let asked = run_helper(&helper.display().to_string(), "x", Path::new("config.json"), "registry.example").await;
    error_text(asked.unwrap_err())
}

#[cfg(unix)]
#[tokio::test]
async fn a_helpers_words_have_a_bound() {
    for script in ["#!/bin/sh\nexec yes\n", "#!/bin/sh\nexec yes >&2\n"] {
        let told = helped(script).await;
        assert!(told.ends_with("gives no password: it prints more than 64 KiB"), "{told}");
    }
    let told = helped("#!/bin/sh\nhead -c 60000 /dev/zero | tr '\\0' a\nexit 1\n").await;
    assert!(told.ends_with("aaa…") && told.len() < 600, "{told}");
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_helper_that_never_ends_is_given_up() {
    // Nothing else is to be waited for, so the clock moves at once.
    let told = helped("#!/bin/sh\nexec sleep 3600\n").await;
    assert!(told.ends_with("gives no password: it did not answer within 120s"), "{told}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_helper_is_asked_on_its_stdin_and_answers_on_stdout() {
    let folder = tempfile::tempdir().unwrap();
    let helper = folder.path().join("docker-credential-test");
    let script = "#!/bin/sh\nread -r server\ncase $server in\n known*) echo \"{\\\"Username\\\":\\\"$1\\\",\\\"Secret\\\":\\\"$server\\\"}\" ;;\n \
         token*) echo '{\"Username\":\"<token>\",\"Secret\":\"s\"}' ;;\n odd*) echo 'secret but no JSON' ;;\n \
         locked*) echo 'the keychain is locked'; exit 1 ;;\n *) echo 'credentials not found in native keychain'; exit 1 ;;\nesac\n";
    // Copied by another process: what is written here, another test's child may hold open, and then it can't be run (ETXTBSY).
    let written = folder.path().join("script");
    std::fs::write(&written, script).unwrap();
    let copied = std::process::Command::new("install").args(["-m", "755"]).args([&written, &helper]).status().unwrap();
    assert!(copied.success());
    // Its name has the folder in it, as no real one has.
    let program = helper.display().to_string();
    let of = async |server: &str| run_helper(&program, server, Path::new("config.json"), "registry.example").await;
    let found = of("known.example").await.unwrap().unwrap();
    assert_eq!((found.username.as_str(), found.password.as_str()), ("get", "known.example"));
    assert_eq!(of("unknown.example").await.unwrap(), None);
    let mut all = Vec::new();
    for server in ["token.example", "odd.example", "locked.example"] {
        let told = error_text(of(server).await.unwrap_err());
        all.push(told.replace(&folder.path().display().to_string(), "DIR"));
    }
    assert_snapshot!(all.join("\n"), @r"
    exit 3
    error: DIR/docker-credential-test has an identity token for registry.example, which this program can't log in with: use --username NAME --password-stdin
    exit 3
    error: DIR/docker-credential-test, which config.json names for registry.example, gives no password: its answer can't be read
    exit 3
    error: DIR/docker-credential-test, which config.json names for registry.example, gives no password: the keychain is locked
    ");
}

#[test]
fn files_are_asked_in_the_order_in_which_they_were_set() {
    let of = |set: &[(&str, &str)]| {
        let find = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| PathBuf::from(value));
        config_files(find).iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(of(&[("HOME", "/h")]), "/h/.docker/config.json /h/.config/containers/auth.json");
    let all = [("HOME", "/h"), ("DOCKER_CONFIG", "/d"), ("REGISTRY_AUTH_FILE", "/r.json"), ("XDG_RUNTIME_DIR", "/run")];
    assert_eq!(of(&all), "/r.json /d/config.json /run/containers/auth.json /h/.config/containers/auth.json");
}

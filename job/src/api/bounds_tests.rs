//! Answers without an end.
use super::*;
use http_body_util::Channel;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;

/// A client whose API server sends this piece again and again, `pause` apart, until the client closes the connection.
fn endless(status: u16, piece: &'static [u8], pause: Duration) -> Client {
    let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Channel<Bytes>>>();
    tokio::spawn(async move {
        while let Some((_, send)) = handle.next_request().await {
            let (mut sender, body) = Channel::new(1);
            send.send_response(Response::builder().status(status).body(body).unwrap());
            tokio::spawn(async move {
                while sender.send_data(Bytes::from_static(piece)).await.is_ok() {
                    tokio::time::sleep(pause).await;
                }
            });
        }
    });
    client(ClientBuilder::new(service, "default"))
}

async fn error(client: Client) -> String {
    let pods: Api<Pod> = Api::all(client);
    // Without a bound, this would end with the memory.
    let listed = timeout(Duration::from_secs(600), pods.list(&ListParams::default())).await;
    listed.expect("no end").unwrap_err().to_string()
}

/// X8.
#[tokio::test]
async fn an_answer_without_an_end_is_refused_by_its_size() {
    let blanks = &[b' '; 1 << 20];
    assert_eq!(error(endless(200, blanks, Duration::ZERO)).await, "ServiceError: the answer is longer than 16384 KiB");
}

/// 3 bytes of text are a Pod in memory.
#[tokio::test]
async fn an_answer_of_many_objects_is_refused_before_it_is_parsed() {
    let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
    tokio::spawn(async move {
        let (_, send) = handle.next_request().await.unwrap();
        let list = format!(r#"{{"metadata":{{}},"items":[{}{{}}]}}"#, "{},".repeat(100_000));
        send.send_response(Response::new(Body::from(list.into_bytes())));
    });
    let client = client(ClientBuilder::new(service, "default"));
    assert_eq!(error(client).await, "ServiceError: the answer has more than 32000 objects");
}

#[test]
fn as_many_objects_as_an_answer_may_have_fit_into_memory() {
    use k8s_openapi::api::{batch::v1::Job, core::v1::Event};
    for size in [size_of::<Pod>(), size_of::<Job>(), size_of::<Event>()] {
        assert!(size * MOST_OBJECTS < 96 << 20, "{size}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_drips_is_given_up() {
    assert_eq!(error(endless(200, b" ", Duration::from_secs(50))).await, "ServiceError: no whole answer within 120 s");
}

/// B5.
#[tokio::test]
async fn of_an_error_the_beginning_is_read() {
    let words = error(endless(503, &[b'<'; 1 << 12], Duration::ZERO)).await;
    assert!(words.contains("<<<<") && words.len() < 3 * LONGEST_REFUSAL, "{}", words.len());
}

#[tokio::test(start_paused = true)]
async fn what_is_read_as_a_stream_is_left_as_it_comes() {
    let request = Request::get("/metrics").extension(Unbounded).body(Body::empty()).unwrap();
    let answer = endless(200, b"line\n", Duration::ZERO).send(request).await.unwrap();
    assert_eq!(beginning(answer.into_body(), 10).await.unwrap(), b"line\nline\n");
}

#[test]
fn a_text_is_cut_between_characters() {
    assert_eq!(cut("aé".into(), 3), "aé");
    assert_eq!(cut("aéb".into(), 2), "a... (3 more bytes)");
}

/// A cleanup listed eight kinds at once, and held an answer of each.
#[tokio::test]
async fn only_some_answers_are_held_at_once() {
    let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Channel<Bytes>>>();
    let held = Arc::new(std::sync::Mutex::new((0, 0)));
    let counts = held.clone();
    tokio::spawn(async move {
        while let Some((_, send)) = handle.next_request().await {
            let (mut sender, body) = Channel::new(1);
            send.send_response(Response::new(body));
            let counts = counts.clone();
            tokio::spawn(async move {
                let mut pieces = 0;
                while sender.send_data(Bytes::from_static(&[b' '; 1 << 20])).await.is_ok() {
                    pieces += 1;
                    // The channel itself holds the first ones.
                    if pieces == 4 {
                        let mut counts = counts.lock().unwrap();
                        counts.0 += 1;
                        counts.1 = counts.0.max(counts.1);
                    }
                }
                counts.lock().unwrap().0 -= 1;
            });
        }
    });
    let client = client(ClientBuilder::new(service, "default"));
    futures::future::join_all((0..8).map(|_| error(client.clone()))).await;
    assert_eq!(held.lock().unwrap().1, READ_AT_ONCE);
}

//! Permits: how many, in which order, how fast, and what is learned from their end. On a paused clock.
use futures::FutureExt;
use kube::core::Status;

use super::*;

fn fixed(most: usize) -> Limit {
    Limit::fixed(most.try_into().unwrap())
}

fn refused(code: u16, message: &str, retry_after: Option<u64>) -> Result<(), ApiError> {
    let status = Status { code, ..Status::failure(message, "") }.boxed();
    Err(ApiError::Status { status, retry_after: retry_after.map(Duration::from_secs) })
}

/// As many permits as can be had now.
fn all(limit: &Limit) -> Vec<Permit<'_>> {
    std::iter::from_fn(|| limit.permit().now_or_never().flatten()).collect()
}

#[tokio::test(start_paused = true)]
async fn as_many_as_the_limit_are_out_and_no_more() {
    let limit = fixed(3);
    let permits = all(&limit);
    assert_eq!(permits.len(), 3);
    drop(permits);
    assert_eq!(all(&limit).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_smaller_limit_takes_permits_out_of_use_whether_they_are_out_or_not() {
    let limit = fixed(8);
    let mut permits = all(&limit);
    permits.truncate(2);
    permits.pop().unwrap().ended(&refused(503, "", None));
    assert_eq!(all(&limit).len(), 3, "half of 8, and one is out");
    permits.pop().unwrap().ended(&Ok::<_, ApiError>(()));
    assert_eq!(all(&limit).len(), 4);
    assert_eq!(limit.pool(), 4 + MAX_WAITING);
}

#[tokio::test(start_paused = true)]
async fn after_a_429_nobody_is_sent_before_the_time_it_names() {
    let limit = fixed(8);
    let mut permits = all(&limit);
    permits.pop().unwrap().ended(&refused(429, "too many requests", Some(1)));
    permits.clear();
    let asked = Instant::now();
    assert!(limit.permit().now_or_never().is_none());
    let permit = limit.permit().await.unwrap();
    assert_eq!(asked.elapsed(), Duration::from_secs(1));
    permit.ended(&refused(429, "too many requests", Some(60)));
    let _permit = limit.permit().await.unwrap();
    assert_eq!(asked.elapsed(), Duration::from_secs(1) + MAX_RETRY_AFTER);
}

#[tokio::test(start_paused = true)]
async fn a_webhooks_trouble_and_a_denial_are_answers() {
    for answer in [
        refused(500, "Internal error occurred: failed calling webhook \"w\": no endpoints available", None),
        refused(429, "admission webhook \"w\" denied the request: later", Some(9)),
        refused(403, "admission webhook \"w\" denied the request: no", None),
        refused(409, "the object has been modified", None),
    ] {
        let limit = fixed(8);
        all(&limit).pop().unwrap().ended(&answer);
        assert_eq!(all(&limit).len(), 8, "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_is_given_back_and_says_nothing() {
    let limit = Limit::adaptive();
    drop(all(&limit));
    assert_eq!(all(&limit).len(), 1, "it begins with a probe");
}

#[tokio::test(start_paused = true)]
async fn the_pace_is_even_in_both_modes() {
    for limit in [|| fixed(4), Limit::adaptive] {
        let limit = limit().paced(NonZeroU32::new(20));
        let began = Instant::now();
        for number in 0..40 {
            let permit = limit.permit().await.unwrap();
            assert_eq!(began.elapsed(), number * Duration::from_millis(50));
            permit.ended(&Ok::<_, ApiError>(()));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_pause_no_more_than_a_tenth_of_a_second_is_caught_up() {
    let limit = fixed(64).paced(NonZeroU32::new(100));
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(all(&limit).len(), 11);
}

#[tokio::test(start_paused = true)]
async fn once_closed_those_that_wait_get_nothing() {
    let limit = fixed(1);
    let _out = limit.permit().await.unwrap();
    let mut waits = Box::pin(limit.permit());
    assert!(waits.as_mut().now_or_never().is_none());
    limit.close();
    assert!(waits.await.is_none());
    assert!(limit.permit().await.is_none());

    let paced = fixed(4).paced(NonZeroU32::new(1));
    let _first = paced.permit().await.unwrap();
    let mut waits = Box::pin(paced.permit());
    assert!(waits.as_mut().now_or_never().is_none());
    paced.close();
    assert!(waits.await.is_none(), "also one that waits for the pace");
}

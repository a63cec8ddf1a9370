//! What the values of flags look like, read and written.

use std::time::Duration;

use k8s_openapi::api::core::v1::Toleration as Object;

use crate::model::options::Toleration;

/// A key's own ARN: API servers report the hash of nothing else.
pub(crate) fn parse_key_arn(text: &str) -> Result<String, String> {
    match text.splitn(6, ':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "kms", _, _, key] if key.starts_with("key/") => Ok(text.to_owned()),
        _ => Err("must be a key's own ARN, arn:aws:kms:REGION:ACCOUNT:key/ID, and no alias".to_owned()),
    }
}

/// `key=value:Effect`, `key:Effect`, `key`, `*`: taints as kubectl writes them.
pub(super) fn parse_toleration(text: &str) -> Result<Toleration, String> {
    const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
    let (taint, effect) = match text.rsplit_once(':') {
        Some((taint, effect)) if EFFECTS.contains(&effect) => (taint, Some(effect.to_owned())),
        Some((_, effect)) => return Err(format!("{effect:?} is none of {}", EFFECTS.join(", "))),
        None => (text, None),
    };
    let (key, value) = match taint.split_once('=') {
        Some((key, value)) => (key, Some(value.to_owned())),
        None => (taint, None),
    };
    if key.is_empty() || (key == "*" && value.is_some()) {
        return Err("must be key=value:Effect, key:Effect, key, or * for every taint".to_owned());
    }
    let object = Object {
        key: (key != "*").then(|| key.to_owned()),
        operator: Some(if value.is_some() { "Equal" } else { "Exists" }.to_owned()),
        value,
        effect,
        ..Object::default()
    };
    Ok(Toleration { text: text.to_owned(), object })
}

/// `key=value`.
pub(super) fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("must be KEY=VALUE".to_owned()),
    }
}

/// Every command ends.
const MAX_DURATION: Duration = Duration::from_secs(7 * 24 * 3600);

/// `80m`, `1h30m`, `90s`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let parsed: jiff::SignedDuration = text.parse().map_err(|_| "not a duration such as 80m or 1h30m".to_owned())?;
    match Duration::try_from(parsed) {
        Ok(duration) if duration > MAX_DURATION => Err("must be 7 days at most".to_owned()),
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("must be longer than nothing".to_owned()),
    }
}

/// The other way round: `1h30m`.
pub(super) fn format_duration(duration: Duration) -> String {
    let printer = jiff::fmt::friendly::SpanPrinter::new().spacing(jiff::fmt::friendly::Spacing::None);
    printer.unsigned_duration_to_string(&duration)
}

#[cfg(test)]
mod tests {
    //! Values that people write.
    use super::*;

    #[test]
    fn tolerations_are_written_as_taints() {
        let of =
            |text: &str| parse_toleration(text).map(|toleration| serde_json::to_string(&toleration.object).unwrap());
        let all =
            ["team=a:NoSchedule", "team:NoExecute", "team", "team=a", "*", "*:NoSchedule", "*=a", "", "team:Never"];
        let told: Vec<_> = all.iter().map(|text| format!("{text:<20} {:?}", of(text))).collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        team=a:NoSchedule    Ok("{\"effect\":\"NoSchedule\",\"key\":\"team\",\"operator\":\"Equal\",\"value\":\"a\"}")
        team:NoExecute       Ok("{\"effect\":\"NoExecute\",\"key\":\"team\",\"operator\":\"Exists\"}")
        team                 Ok("{\"key\":\"team\",\"operator\":\"Exists\"}")
        team=a               Ok("{\"key\":\"team\",\"operator\":\"Equal\",\"value\":\"a\"}")
        *                    Ok("{\"operator\":\"Exists\"}")
        *:NoSchedule         Ok("{\"effect\":\"NoSchedule\",\"operator\":\"Exists\"}")
        *=a                  Err("must be key=value:Effect, key:Effect, key, or * for every taint")
                             Err("must be key=value:Effect, key:Effect, key, or * for every taint")
        team:Never           Err("\"Never\" is none of NoSchedule, PreferNoSchedule, NoExecute")
        "#);
    }

    #[test]
    fn pairs_have_a_key() {
        assert_eq!(parse_pair("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert_eq!(parse_pair("a="), Ok(("a".into(), String::new())));
        assert!(parse_pair("=b").is_err() && parse_pair("a").is_err());
    }

    #[test]
    fn durations() {
        for text in ["1h30m", "90s", "0.5s", "2h"] {
            assert_eq!(parse_duration(&format_duration(parse_duration(text).unwrap())), parse_duration(text), "{text}");
        }
        assert!(parse_duration("soon").is_err() && parse_duration("0s").is_err());
        // Added to now, this is no time any more.
        assert!(parse_duration("100000000000d").is_err() && parse_duration("8d").is_err());
    }
}

//! DescribeClusterVersions. Dates from the EKS User Guide, "Understand the Kubernetes version lifecycle on EKS".

use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::update::epoch;

/// A Kubernetes version: its release on EKS, the end of standard and of extended support.
const VERSIONS: [(&str, Date, Date, Date); 3] = [
    ("1.34", date(2025, 10, 2), date(2026, 12, 2), date(2027, 12, 2)),
    ("1.33", date(2025, 5, 29), date(2026, 7, 29), date(2027, 7, 29)),
    ("1.32", date(2025, 1, 23), date(2026, 3, 23), date(2027, 3, 23)),
];

/// What the call answers at a point in time to a query such as `clusterVersions=1.33&versionStatus=EXTENDED_SUPPORT`.
pub(crate) fn describe(now: Timestamp, query: &str) -> Value {
    let asked: Vec<(&str, &str)> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    // A filter that is not given lets everything through; one that is given several times lets each through.
    let wanted = |name: &str, value: &str| {
        let mut values = asked.iter().filter(|(asked, _)| *asked == name).map(|(_, value)| *value).peekable();
        values.peek().is_none() || values.any(|asked| asked == value)
    };
    let midnight = |date: Date| date.to_zoned(TimeZone::UTC).map(|time| time.timestamp()).unwrap_or_default();
    let mut versions = Vec::new();
    for (place, (version, released, standard, extended)) in VERSIONS.into_iter().enumerate() {
        let status = if now < midnight(standard) {
            "STANDARD_SUPPORT"
        } else if now < midnight(extended) {
            "EXTENDED_SUPPORT"
        } else {
            "UNSUPPORTED"
        };
        let (is_default, default_only) = (place == 0, asked.contains(&("defaultOnly", "true")));
        if !wanted("clusterVersions", version) || !wanted("versionStatus", status) || (default_only && !is_default) {
            continue;
        }
        versions.push(json!({
            "clusterVersion": version,
            "clusterType": "eks",
            "defaultPlatformVersion": "eks.1",
            "defaultVersion": is_default,
            "releaseDate": epoch(midnight(released)),
            "endOfStandardSupportDate": epoch(midnight(standard)),
            "endOfExtendedSupportDate": epoch(midnight(extended)),
            "status": status.to_lowercase().replace('_', "-"),
            "versionStatus": status,
        }));
    }
    json!({ "clusterVersions": versions })
}

#[cfg(test)]
mod tests {
    //! Which versions there are when.
    use super::*;

    fn names(at: &str, query: &str) -> Vec<String> {
        let answer = describe(at.parse().unwrap(), query);
        let name = |version: &Value| {
            format!("{} {}", version["clusterVersion"].as_str().unwrap(), version["status"].as_str().unwrap())
        };
        answer["clusterVersions"].as_array().unwrap().iter().map(name).collect()
    }

    #[test]
    fn support_ends_with_time_and_filters_narrow() {
        let now = "2026-11-24T00:00:00Z";
        assert_eq!(names(now, ""), ["1.34 standard-support", "1.33 extended-support", "1.32 extended-support"]);
        assert_eq!(names(now, "clusterVersions=1.32&clusterVersions=1.34").len(), 2);
        assert_eq!(names(now, "versionStatus=STANDARD_SUPPORT"), ["1.34 standard-support"]);
        assert_eq!(names(now, "defaultOnly=true"), ["1.34 standard-support"]);
        assert_eq!(names("2027-04-01T00:00:00Z", "clusterVersions=1.32"), ["1.32 unsupported"]);
    }
}

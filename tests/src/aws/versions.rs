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

/// What the call answers at a point in time.
pub(crate) fn describe(now: Timestamp) -> Value {
    let midnight = |date: Date| date.to_zoned(TimeZone::UTC).map(|time| time.timestamp()).unwrap_or_default();
    let versions = VERSIONS.iter().enumerate().map(|(place, (version, released, standard, extended))| {
        let status = if now < midnight(*standard) {
            "STANDARD_SUPPORT"
        } else if now < midnight(*extended) {
            "EXTENDED_SUPPORT"
        } else {
            "UNSUPPORTED"
        };
        json!({
            "clusterVersion": version,
            "clusterType": "eks",
            "defaultPlatformVersion": "eks.1",
            "defaultVersion": place == 0,
            "releaseDate": epoch(midnight(*released)),
            "endOfStandardSupportDate": epoch(midnight(*standard)),
            "endOfExtendedSupportDate": epoch(midnight(*extended)),
            "status": status.to_lowercase().replace('_', "-"),
            "versionStatus": status,
        })
    });
    json!({ "clusterVersions": versions.collect::<Vec<_>>() })
}

//! What names and addresses in a kubeconfig say of a cluster. Input: the name of a cluster or context entry, or a server's
//! address. Output: an EKS cluster's name and region, if the text has a form that only EKS, or a tool for it, gives.

use http::Uri;

/// The domains under which EKS puts API servers, in all partitions, for IPv4 and dual-stack.
const DOMAINS: [&str; 9] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "api.amazonwebservices.com.cn",
    "api.aws",
    "c2s.ic.gov",
    "cloud.adc-e.uk",
    "csp.hci.ic.gov",
    "sc2s.sgov.gov",
];

/// Name and region in `arn:aws:eks:REGION:ACCOUNT:cluster/NAME` (as `aws eks update-kubeconfig` names entries) or in
/// `NAME.REGION.eksctl.io`, after `USER@` or without it (as eksctl does).
pub(super) fn name_and_region(entry: &str) -> Option<(&str, &str)> {
    arn(entry).or_else(|| eksctl(entry))
}

fn arn(entry: &str) -> Option<(&str, &str)> {
    let parts: Vec<_> = entry.split(':').collect();
    let ["arn", partition, "eks", region, _account, resource] = parts[..] else { return None };
    let name = resource.strip_prefix("cluster/").filter(|name| !name.is_empty() && !name.contains('/'))?;
    ((partition == "aws" || partition.starts_with("aws-")) && is_region(region)).then_some((name, region))
}

fn eksctl(entry: &str) -> Option<(&str, &str)> {
    // Names of IAM sessions are mail addresses sometimes; names of clusters have neither @ nor dots.
    let host = entry.rsplit('@').next()?.strip_suffix(".eksctl.io")?;
    host.split_once('.').filter(|(name, region)| !name.is_empty() && is_region(region))
}

/// The region in `https://HASH.gr7.REGION.eks.amazonaws.com` and its kin.
pub(super) fn region_of_server(server: &str) -> Option<String> {
    let host = host(server)?.to_ascii_lowercase();
    let domain = DOMAINS.iter().find(|domain| host.strip_suffix(*domain).is_some_and(|rest| rest.ends_with('.')))?;
    let labels: Vec<_> = host[..host.len() - domain.len()].trim_end_matches('.').split('.').collect();
    // Dual-stack addresses need not say `eks`; those begin with the cluster's hash all the same.
    let hash = labels.first().is_some_and(|label| label.len() == 32 && label.chars().all(|c| c.is_ascii_hexdigit()));
    let eks = labels.iter().any(|label| ["eks", "eks-fips"].contains(label));
    let mut regions = labels.iter().filter(|label| is_region(label));
    let region = regions.next().filter(|_| eks || hash)?;
    regions.next().is_none().then(|| (*region).to_owned())
}

/// The host of a server's address: all of it that is fit to be shown, as an address may hold a password.
pub(super) fn host(server: &str) -> Option<String> {
    Some(server.parse::<Uri>().ok()?.host()?.to_owned())
}

/// `eu-central-1`, `us-gov-west-1`, ...: words and a number.
fn is_region(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    let word = |part: &&str| part.len() > 1 && part.chars().all(|c| c.is_ascii_lowercase());
    match parts.split_last() {
        Some((number, words)) => words.len() > 1 && words.iter().all(word) && number.parse::<u8>().is_ok(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    //! Forms of names and addresses, one by one.
    use super::*;

    #[test]
    fn names_of_entries() {
        for (entry, name, region) in [
            ("arn:aws:eks:eu-central-1:111122223333:cluster/shop", "shop", "eu-central-1"),
            ("arn:aws-cn:eks:cn-north-1:111122223333:cluster/shop_1", "shop_1", "cn-north-1"),
            ("arn:aws-us-gov:eks:us-gov-west-1:111122223333:cluster/shop", "shop", "us-gov-west-1"),
            ("arn:aws-iso-b:eks:us-isob-east-1:111122223333:cluster/shop", "shop", "us-isob-east-1"),
            ("shop.eu-central-1.eksctl.io", "shop", "eu-central-1"),
            ("iam-root-account@shop.us-gov-west-1.eksctl.io", "shop", "us-gov-west-1"),
            ("a.b@example.com@shop.eu-central-1.eksctl.io", "shop", "eu-central-1"),
        ] {
            assert_eq!(name_and_region(entry), Some((name, region)), "{entry}");
        }
    }

    #[test]
    fn names_that_say_nothing() {
        for entry in [
            "",
            "prod",
            "shop.eu-central-1",
            "shop.eksctl.io",
            "shop.prod.eksctl.io",
            ".eu-central-1.eksctl.io",
            "shop.eu-central-1.eksctl.io.example",
            "arn:aws:eks:eu-central-1:111122223333:cluster/",
            "arn:aws:eks:eu-central-1:111122223333:nodegroup/shop/ng/1",
            "arn:aws:eks:eu-central-1:111122223333:cluster/shop/x",
            "arn:aws:ecs:eu-central-1:111122223333:cluster/shop",
            "arn:example:eks:eu-central-1:111122223333:cluster/shop",
            "arn:aws:eks::111122223333:cluster/shop",
            "teleport-arn:aws:eks:eu-central-1:111122223333:cluster/shop",
        ] {
            assert_eq!(name_and_region(entry), None, "{entry}");
        }
    }

    #[test]
    fn addresses_of_servers() {
        let hash = "0123456789ABCDEF0123456789ABCDEF";
        for (server, region) in [
            (format!("https://{hash}.gr7.eu-central-1.eks.amazonaws.com"), "eu-central-1"),
            (format!("https://{hash}.yl4.us-east-1.eks.amazonaws.com:443/"), "us-east-1"),
            (format!("https://{hash}.gr7.us-gov-west-1.eks.amazonaws.com"), "us-gov-west-1"),
            (format!("https://{hash}.gr7.us-gov-west-1.eks-fips.amazonaws.com"), "us-gov-west-1"),
            (format!("https://{hash}.gr7.cn-north-1.eks.amazonaws.com.cn"), "cn-north-1"),
            (format!("https://{hash}.gr7.eu-west-1.api.aws"), "eu-west-1"),
            (format!("https://{hash}.gr7.eu-west-1.eks.api.aws"), "eu-west-1"),
            (format!("https://{hash}.gr7.us-iso-east-1.eks.c2s.ic.gov"), "us-iso-east-1"),
        ] {
            assert_eq!(region_of_server(&server).as_deref(), Some(region), "{server}");
        }
    }

    #[test]
    fn addresses_that_say_nothing() {
        for server in [
            "",
            "not an address",
            "https://127.0.0.1:6443",
            "https://rancher.example/k8s/clusters/c-m-abc",
            "https://proxy-1.elb.eu-central-1.amazonaws.com",
            "https://abc.execute-api.eu-central-1.amazonaws.com",
            "https://abc.gr7.eu-central-1.eks.amazonaws.com.example",
            "https://eu-central-1.eks.notamazonaws.com",
            "https://abc.us-east-1.eu-central-1.eks.amazonaws.com",
            "https://abc.gr7.somewhere.eks.amazonaws.com",
        ] {
            assert_eq!(region_of_server(server), None, "{server}");
        }
    }
}

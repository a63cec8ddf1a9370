//! What costs money as long as it is there. Input: kinds of CloudFormation resources. Output: a sentence. No prices: they
//! differ by region and change.

/// What AWS charges by the hour, with the words that people know it by.
const BILLED_TYPES: [(&str, &str); 4] = [
    ("AWS::EKS::Cluster", "the EKS control plane"),
    ("AWS::EKS::Nodegroup", "the node groups' EC2 instances and volumes"),
    ("AWS::EC2::NatGateway", "NAT gateways"),
    ("AWS::EC2::EIP", "public addresses"),
];

/// Which of them cost money.
pub(crate) fn billed_resources<'a>(kinds: impl IntoIterator<Item = &'a str>) -> String {
    let kinds: Vec<&str> = kinds.into_iter().collect();
    let charged: Vec<&str> =
        BILLED_TYPES.iter().filter(|(kind, _)| kinds.contains(kind)).map(|(_, words)| *words).collect();
    if charged.is_empty() {
        "None of it costs money.".to_owned()
    } else {
        format!("These COST MONEY as long as they are there: {}.", charged.join(", "))
    }
}

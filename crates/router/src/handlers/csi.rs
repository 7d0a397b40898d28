//! Client state indication (XEP-0352 1.0): a nonza of the stream; holding back is in `presence_host/csi`.

use super::Feature;

pub static FEATURE: Feature = Feature {
    spec: "XEP-0352",
    version: "1.0.0",
    title: "Client State Indication",
    file: file!(),
    domain_features: &[],
    account_features: &[],
    routes: &[],
};

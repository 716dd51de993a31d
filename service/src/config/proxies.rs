//! `trusted_proxies`

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;

/// Who is believed to say what address a caller used.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Proxies(Vec<IpNet>);

impl Proxies {
    /// Whether `peer` is one of them.
    #[must_use]
    pub fn has(&self, peer: IpAddr) -> bool {
        // A socket for both families shows IPv4 addresses within IPv6.
        let peer = peer.to_canonical();
        self.0.iter().any(|net| net.contains(&peer))
    }
}

impl TryFrom<Vec<String>> for Proxies {
    type Error = String;

    fn try_from(named: Vec<String>) -> Result<Self, String> {
        let read = |name: &String| {
            let net = name.parse::<IpNet>().or_else(|_| name.parse::<IpAddr>().map(IpNet::from));
            net.map_err(|_| {
                format!("`trusted_proxies`: `{name}` is neither an address nor a network like `10.0.0.0/8`")
            })
        };
        named.iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::Proxies;

    #[test]
    fn addresses_and_networks_of_both_families_are_known_and_nothing_else_is() {
        let named = ["127.0.0.1", "10.0.0.0/8", "fd00::/8"].map(str::to_owned).to_vec();
        let proxies = Proxies::try_from(named).expect("they are addresses");
        let has = |peer: &str| proxies.has(peer.parse().expect("an address"));
        assert!(["127.0.0.1", "10.9.8.7", "::ffff:10.9.8.7", "fd12::1"].into_iter().all(has));
        assert!(!["127.0.0.2", "11.0.0.1", "::1", "fe80::1"].into_iter().any(has));
        let refused = Proxies::try_from(vec!["10.0.0.0/33".to_owned()]).expect_err("there is no such net");
        assert!(refused.contains("10.0.0.0/33"), "{refused}");
    }
}

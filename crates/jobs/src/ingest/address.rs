//! Which addresses the outside world may make this server connect to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};

use super::error::IngestError;

/// Looks `host` up and refuses it if *any* of its addresses is not public: a name with one public and one private
/// address is an attempt to get at the private one. Blocks.
pub(crate) fn resolve_public(host: &str, port: u16) -> Result<Vec<SocketAddr>, IngestError> {
    let addresses = resolve(host, port)?;
    match addresses.iter().find(|address| !is_public(address.ip())) {
        Some(_) => Err(refused(host)),
        None => Ok(addresses),
    }
}

/// Looks `host` up. Blocks.
pub(crate) fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>, IngestError> {
    match (host, port).to_socket_addrs() {
        Ok(addresses) => Ok(addresses.collect()),
        Err(_) => Err(IngestError::RepositoryNotFound(format!("the host {host:?} cannot be found"))),
    }
}

/// The refusal of a host with a private address. Does not tell the address: that would map the inner network.
pub(crate) fn refused(host: &str) -> IngestError {
    IngestError::UrlNotAllowed(format!(
        "the host {host:?} has a private or local address, which this server does not connect to"
    ))
}

/// Whether the address belongs to the public internet (IANA special-purpose registries, RFC 6890).
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || (a == 100 && (64..128).contains(&b)) // carrier-grade NAT
        || (a == 192 && b == 0 && c == 0) // protocol assignments
        || (a == 192 && b == 88 && c == 99) // 6to4 relays
        || (a == 198 && (18..20).contains(&b)) // benchmarks
        || a >= 224) // multicast, reserved, broadcast
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // Addresses that carry an IPv4 address are as public as that one is.
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => embedded(high, low), // compatible (with :: and ::1), mapped
        [0, 0, 0, 0, 0xffff, 0, high, low] => embedded(high, low),     // translated
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),  // NAT64
        [0x2002, high, low, ..] => embedded(high, low),                // 6to4
        // Global unicast, without Teredo and the other assignments of 2001::/23, documentation and SRv6.
        [0x2001, second, ..] => second >= 0x200 && second != 0xdb8,
        [0x3fff, second, ..] => second >= 0x1000,
        [first, ..] => (0x2000..0x4000).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_public() {
        let private = "0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.127.255.255 127.0.0.1 127.9.9.9 169.254.169.254 \
            172.16.0.1 172.31.255.255 192.0.0.1 192.0.2.1 192.168.1.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 \
            239.1.1.1 240.0.0.1 255.255.255.255 :: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:0:10.0.0.1 \
            fe80::1 febf::1 fec0::1 fc00::1 fd12:3456::1 ff02::1 64:ff9b::10.0.0.1 64:ff9b:1::1 100::1 2001::1 \
            2001:10::1 2001:db8::1 2002:0a00:0001::1 2002:7f00:1::1 3fff::1 5f00::1";
        for address in private.split_whitespace() {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        let public = "1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.1 140.82.121.4 172.15.0.1 172.32.0.1 192.1.0.1 \
            223.255.255.255 2606:4700:4700::1111 2a00:1450::1 2001:4860:4860::8888 ::ffff:8.8.8.8 64:ff9b::8.8.8.8 \
            2002:808:808::1";
        for address in public.split_whitespace() {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn names_of_this_machine_are_refused() {
        assert_eq!(resolve_public("localhost", 80).unwrap_err().code(), "url_not_allowed");
        assert!(resolve("localhost", 80).is_ok());
    }
}

//! Links to this service, as its callers see it.

use std::net::SocketAddr;

use actix_web::HttpRequest;
use actix_web::http::header::{HOST, HeaderMap};
use actix_web::http::uri::Authority;

use crate::config::Proxies;

/// Where callers reach this service.
#[derive(Clone, Debug)]
pub(in crate::api) struct Links {
    /// As configured: an address without a path's end, if there is one.
    pub(in crate::api) public_url: Option<String>,
    /// Who is believed to say where callers came to, if that is not configured.
    pub(in crate::api) proxies: Proxies,
    /// Whether the listener speaks TLS.
    pub(in crate::api) secure: bool,
    /// The listener's own address.
    pub(in crate::api) own: SocketAddr,
}

impl Links {
    /// An absolute link to `path`, which begins with `/`: at the configured address, or at the one that a trusted proxy
    /// says its caller used, or at the one that the request came to.
    pub(in crate::api) fn to(&self, request: &HttpRequest, path: &str) -> String {
        if let Some(base) = &self.public_url {
            return format!("{}{path}", base.trim_end_matches('/'));
        }
        let is_trusted = request.peer_addr().is_some_and(|peer| self.proxies.has(peer.ip()));
        let told = if is_trusted { Forwarded::of(request.headers()) } else { Forwarded::default() };
        let own = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        let own = own.or_else(|| request.uri().authority().map(Authority::as_str));
        let host = told.host.as_deref().filter(|host| is_host(host)).or(own.filter(|host| is_host(host)));
        let host = host.map_or_else(|| self.own.to_string(), str::to_owned);
        let scheme = match told.proto.as_deref() {
            Some(proto) if proto.eq_ignore_ascii_case("https") => "https",
            Some(proto) if proto.eq_ignore_ascii_case("http") => "http",
            _ if self.secure => "https",
            _ => "http",
        };
        format!("{scheme}://{host}{path}")
    }
}

/// What the nearest proxy says of the request that came to it. Each proxy adds to the end of these headers; what stands
/// before may be the caller's own.
#[derive(Default)]
struct Forwarded {
    proto: Option<String>,
    host: Option<String>,
}

impl Forwarded {
    /// `Forwarded` (RFC 7239), or else `X-Forwarded-Proto` and `X-Forwarded-Host`.
    fn of(headers: &HeaderMap) -> Self {
        let Some(nearest) = last(headers, "forwarded") else {
            let told = |name| last(headers, name).map(str::to_owned);
            return Self { proto: told("x-forwarded-proto"), host: told("x-forwarded-host") };
        };
        let pairs = nearest.split(';').filter_map(|pair| pair.trim().split_once('='));
        let mut told = Self::default();
        for (name, value) in pairs {
            let value = Some(value.trim().trim_matches('"').to_owned());
            match name.trim().to_ascii_lowercase().as_str() {
                "proto" => told.proto = value,
                "host" => told.host = value,
                _ => {}
            }
        }
        told
    }
}

/// The last element of the lists in all headers of that name.
fn last<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get_all(name).last()?.to_str().ok()?;
    value.rsplit(',').next().map(str::trim).filter(|value| !value.is_empty())
}

/// Whether nothing but a name or number and a port stands there.
fn is_host(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte))
}

#[cfg(test)]
mod tests {
    use actix_web::HttpRequest;
    use actix_web::test::TestRequest;

    use super::Links;
    use crate::config::Proxies;

    fn links(public_url: Option<&str>) -> Links {
        let proxies = Proxies::try_from(vec!["10.0.0.0/8".to_owned()]).expect("a network");
        let own = "127.0.0.1:8080".parse().expect("an address");
        Links { public_url: public_url.map(str::to_owned), proxies, secure: false, own }
    }

    /// A request from `peer` with `headers`.
    fn request(peer: &str, headers: &[(&str, &str)]) -> HttpRequest {
        let request = TestRequest::default().peer_addr(peer.parse().expect("an address"));
        let with =
            |request: TestRequest, (name, value): &(&str, &str)| request.append_header((*name, *value));
        headers.iter().fold(request, with).to_http_request()
    }

    #[test]
    fn a_link_goes_where_the_request_came_to_unless_an_address_is_configured() {
        let of = |host| request("10.0.0.1:9", &[("host", host), ("x-forwarded-host", "evil.example")]);
        let direct =
            |host| request("192.168.0.1:9", &[("host", host), ("forwarded", "proto=https;host=evil")]);
        assert_eq!(links(None).to(&direct("me:81"), "/a"), "http://me:81/a");
        assert_eq!(links(None).to(&direct("evil/path?"), "/a"), "http://127.0.0.1:8080/a");
        let configured = links(Some("https://filter.example/base/"));
        assert_eq!(configured.to(&of("me:81"), "/a"), "https://filter.example/base/a");
    }

    #[test]
    fn only_the_word_that_the_nearest_trusted_proxy_added_is_taken() {
        let link = |headers: &[(&str, &str)]| {
            let headers = [&[("host", "me:81")], headers].concat();
            links(None).to(&request("10.1.2.3:9", &headers), "/a")
        };
        let own = "http://me:81/a";
        assert_eq!(link(&[]), own);
        assert_eq!(
            link(&[("x-forwarded-proto", "https"), ("x-forwarded-host", "f.example")]),
            "https://f.example/a"
        );
        assert_eq!(link(&[("x-forwarded-host", "evil.example, f.example")]), "http://f.example/a");
        assert_eq!(
            link(&[("x-forwarded-host", "evil.example"), ("x-forwarded-host", "f.example")]),
            "http://f.example/a"
        );
        let forwarded = "for=1.2.3.4;host=evil, for=5.6.7.8; Proto=HTTPS; host=\"f.example:444\"";
        assert_eq!(
            link(&[("forwarded", forwarded), ("x-forwarded-host", "x.example")]),
            "https://f.example:444/a"
        );
        assert_eq!(link(&[("x-forwarded-host", "evil/path?"), ("x-forwarded-proto", "gopher")]), own);
    }
}

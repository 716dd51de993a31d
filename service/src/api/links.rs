//! Links to this service, as its callers see it.

use actix_web::HttpRequest;
use actix_web::http::header::HOST;

/// Where callers reach this service.
#[derive(Clone, Debug)]
pub(in crate::api) struct Links {
    /// As configured: an address without a path's end, if there is one.
    pub(in crate::api) public_url: Option<String>,
}

impl Links {
    /// An absolute link to `path`, which begins with `/`: at the configured address, or at the one that the request came
    /// to. Headers of proxies are not believed.
    pub(in crate::api) fn to(&self, request: &HttpRequest, path: &str) -> String {
        if let Some(base) = &self.public_url {
            return format!("{}{path}", base.trim_end_matches('/'));
        }
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        let host = host.or_else(|| request.uri().authority().map(actix_web::http::uri::Authority::as_str));
        let host = host.filter(|host| is_host(host)).unwrap_or_else(|| request.app_config().host());
        let scheme = if request.app_config().secure() { "https" } else { "http" };
        format!("{scheme}://{host}{path}")
    }
}

/// Whether nothing but a name or number and a port stands there.
fn is_host(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::Links;

    #[test]
    fn a_link_goes_where_the_request_came_to_unless_an_address_is_configured() {
        let request = |host| TestRequest::default().insert_header(("host", host)).to_http_request();
        let links = Links { public_url: None };
        assert_eq!(links.to(&request("me:81"), "/a"), "http://me:81/a");
        assert_eq!(links.to(&request("evil/path?"), "/a"), "http://localhost:8080/a");
        let links = Links { public_url: Some("https://filter.example/base/".to_owned()) };
        assert_eq!(links.to(&request("me:81"), "/a"), "https://filter.example/base/a");
    }
}

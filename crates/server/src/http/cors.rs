//! Cross-origin requests: only for what a service provider in a browser calls, and only from where it is registered.
//!
//! There are no credentials in it: no cookie of ours is ever sent or read that way.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderValue},
};

/// Whether `origin` may read answers; asked with what the browser sent.
pub trait Origins {
    /// Whether a service provider has a redirect URI there.
    fn knows(&self, origin: &str) -> bool;
}

/// Lets a registered origin read `response`. The answer differs by origin, and says so to caches.
pub fn open(req: &HttpRequest, mut response: HttpResponse, origins: &impl Origins) -> HttpResponse {
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = registered(req, origins) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("WWW-Authenticate, Retry-After, X-Request-Id"),
        );
    }
    response
}

/// Answers a browser that asks whether it may (the Fetch standard's CORS-preflight request).
pub fn preflight(req: &HttpRequest, methods: &'static str, origins: &impl Origins) -> HttpResponse {
    let mut response = HttpResponse::NoContent();
    if registered(req, origins).is_some() {
        response.insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, methods));
        response.insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type"));
        response.insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"));
    }
    open(req, response.finish(), origins)
}

fn registered(req: &HttpRequest, origins: &impl Origins) -> Option<HeaderValue> {
    let origin = req.headers().get(header::ORIGIN)?;
    let known = origin.to_str().is_ok_and(|origin| origin != "null" && origins.knows(origin));
    known.then(|| origin.clone())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    struct Shop;
    impl Origins for Shop {
        fn knows(&self, origin: &str) -> bool {
            origin == "https://shop.example"
        }
    }

    fn allowed(origin: &'static str) -> Option<String> {
        let req = TestRequest::get().insert_header(("origin", origin)).to_http_request();
        let response = open(&req, HttpResponse::Ok().finish(), &Shop);
        assert_eq!(response.headers().get(header::VARY).unwrap(), "Origin");
        let value = response.headers().get(header::ACCESS_CONTROL_ALLOW_ORIGIN)?;
        Some(value.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_040_only_a_registered_origin_may_read() {
        assert_eq!(allowed("https://shop.example").as_deref(), Some("https://shop.example"));
        for foreign in ["null", "https://shop.example.evil", "https://evil-shop.example", "http://shop.example", ""] {
            assert_eq!(allowed(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_040_a_foreign_preflight_gets_nothing() {
        let ask = |origin: &'static str| TestRequest::default().insert_header(("origin", origin)).to_http_request();
        let yes = preflight(&ask("https://shop.example"), "POST", &Shop);
        assert_eq!(yes.headers().get(header::ACCESS_CONTROL_ALLOW_METHODS).unwrap(), "POST");
        let no = preflight(&ask("https://evil.example"), "POST", &Shop);
        assert!(no.headers().get(header::ACCESS_CONTROL_ALLOW_METHODS).is_none());
    }
}

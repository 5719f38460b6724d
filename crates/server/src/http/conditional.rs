//! Documents that are made once and given often: with an entity tag, so that who has one need not fetch it again (RFC 9110,
//! section 13.1.2).

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH},
    web::Bytes,
};

/// A JSON document that may be kept for five minutes, or 304 to who has it. `tag` is its entity tag, quotes included.
pub fn json(req: &HttpRequest, body: &[u8], tag: &str) -> HttpResponse {
    let known = known(req, tag);
    let mut response = if known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((ETAG, tag)).insert_header((CACHE_CONTROL, "public, max-age=300"));
    if known {
        return response.finish();
    }
    response.content_type("application/json").body(Bytes::copy_from_slice(body))
}

fn known(req: &HttpRequest, tag: &str) -> bool {
    let tags = req.headers().get(IF_NONE_MATCH).and_then(|tags| tags.to_str().ok()).unwrap_or_default();
    tags.split(',').map(|tag| tag.trim().trim_start_matches("W/")).any(|known| known == "*" || known == tag)
}

#[cfg(test)]
mod tests {
    use actix_web::{http::StatusCode, test::TestRequest};

    use super::*;

    #[test]
    fn who_has_it_is_told_so() {
        let asked = |known: &str| {
            let request = TestRequest::get().insert_header((IF_NONE_MATCH, known)).to_http_request();
            json(&request, b"{}", "\"a\"").status()
        };
        assert_eq!(asked("\"a\""), StatusCode::NOT_MODIFIED);
        assert_eq!(asked("\"b\", W/\"a\""), StatusCode::NOT_MODIFIED);
        assert_eq!(asked("\"b\""), StatusCode::OK);
        assert_eq!(asked(""), StatusCode::OK);
    }
}

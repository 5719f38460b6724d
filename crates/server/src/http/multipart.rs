//! `multipart/form-data` (RFC 7578): what a browser sends when a form brings a file. Read whole, strictly, and into the same
//! [`Params`] as every other form.
//!
//! A library was the road not taken: those there are read a stream that may never end, into files, with a task for each part.
//! Here a body has a size that is known to be small, and what is not as RFC 7578 has it is refused.

use actix_web::{HttpRequest, http::header::CONTENT_TYPE, web::Payload};
use vestibule_oauth::params::{Params, ParamsError};

use super::form::{self, FormError};
use crate::state::State;

/// The longest boundary (RFC 2046, section 5.1.1).
const LONGEST_BOUNDARY: usize = 70;
/// So many parts at most.
const MOST_PARTS: usize = 64;
/// The longest header of a part.
const LONGEST_HEADER: usize = 2048;

/// The form in a body of up to `most` bytes. A file is the text in it under the name of its field; a field of a file that nobody
/// chose is empty.
///
/// # Errors
/// When it is too large, or no such form, or holds what is no text.
pub async fn read(state: &State, req: &HttpRequest, payload: Payload, most: usize) -> Result<Params, FormError> {
    let content_type = req.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let boundary = content_type.and_then(boundary).ok_or(FormError::NotAForm)?;
    let body = form::body_up_to(payload, most.max(state.sizes.body)).await?;
    Ok(parts(&body, &boundary)?)
}

/// The boundary that the content type names.
fn boundary(content_type: &str) -> Option<String> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let mut parameters = parameters.split(';').filter_map(|parameter| parameter.split_once('='));
    let (_, value) = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))?;
    let value = value.trim().trim_matches('"');
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"';
    let fits = (1..=LONGEST_BOUNDARY).contains(&value.len()) && value.bytes().all(plain);
    fits.then(|| value.to_owned())
}

/// The parts of a body, each a name and a text.
fn parts(body: &[u8], boundary: &str) -> Result<Params, ParamsError> {
    let first = format!("--{boundary}");
    let between = format!("\r\n--{boundary}");
    let mut rest = body.strip_prefix(first.as_bytes()).ok_or(ParamsError::Encoding)?;
    let mut found = Vec::new();
    loop {
        // Behind the last part.
        if rest.starts_with(b"--") {
            return Ok(found.into_iter().collect());
        }
        rest = rest.strip_prefix(b"\r\n").ok_or(ParamsError::Encoding)?;
        if found.len() == MOST_PARTS {
            return Err(ParamsError::TooMany);
        }
        let (header, content) = split(rest, b"\r\n\r\n").ok_or(ParamsError::Encoding)?;
        let (content, after) = split(content, between.as_bytes()).ok_or(ParamsError::Encoding)?;
        found.push((name(header)?, text(content)?));
        rest = after;
    }
}

/// What is before the first occurrence of `at`, and what is behind it.
fn split<'a>(bytes: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let place = bytes.windows(at.len()).position(|window| window == at)?;
    let (before, rest) = bytes.split_at_checked(place)?;
    Some((before, rest.get(at.len()..)?))
}

/// The name of the field that a part is of.
fn name(header: &[u8]) -> Result<String, ParamsError> {
    if header.len() > LONGEST_HEADER {
        return Err(ParamsError::TooLong);
    }
    let header = std::str::from_utf8(header).map_err(|_| ParamsError::NotText)?;
    let lines = header.split("\r\n").filter_map(|line| line.split_once(':'));
    let mut dispositions = lines.filter(|(name, _)| name.trim().eq_ignore_ascii_case("content-disposition"));
    let (_, disposition) = dispositions.next().ok_or(ParamsError::Encoding)?;
    let mut words = disposition.split(';').map(str::trim);
    if dispositions.next().is_some() || words.next() != Some("form-data") {
        return Err(ParamsError::Encoding);
    }
    // Browsers write `name` first, and in quotes; a file's own name comes later and is nobody's business.
    let name = words.next().and_then(|word| word.strip_prefix("name=\"")).and_then(|word| word.strip_suffix('"'));
    let plain = |name: &&str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    name.filter(plain).map(str::to_owned).ok_or(ParamsError::Encoding)
}

fn text(content: &[u8]) -> Result<String, ParamsError> {
    let text = std::str::from_utf8(content).map_err(|_| ParamsError::NotText)?;
    if text.contains('\0') { Err(ParamsError::NotText) } else { Ok(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, more: &str, content: &str) -> String {
        format!("--X\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n\r\n{content}\r\n")
    }

    #[test]
    fn fields_and_files_are_read_as_they_are() {
        let file = "; filename=\"people; name=\"x.csv\"\r\nContent-Type: text/csv";
        let body = format!("{}{}--X--\r\n", part("csrf", "", "t=1&x"), part("file", file, "a,b\r\n\"--X\",é\r\n"));
        let params = parts(body.as_bytes(), "X").unwrap();
        assert_eq!(params.get("csrf"), Some("t=1&x"));
        assert_eq!(params.get("file"), Some("a,b\r\n\"--X\",é\r\n"));
        assert_eq!(parts(format!("{}--X--", part("file", "", "")).as_bytes(), "X").unwrap().get("file"), None);
    }

    #[test]
    fn what_is_no_such_form_is_refused() {
        let whole = format!("{}--X--\r\n", part("a", "", "b"));
        for length in 0..whole.len() - 4 {
            assert!(parts(&whole.as_bytes()[..length], "X").is_err(), "{length} bytes of it");
        }
        for wrong in [
            "--Y\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--Y--",
            "--X\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\nb\r\n--X--",
            "--X\r\nContent-Disposition: form-data; name=a\r\n\r\nb\r\n--X--",
            "--X\r\nContent-Disposition: form-data; name=\"\"\r\n\r\nb\r\n--X--",
            "--X\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; name=\"c\"\r\n\r\nb\r\n--X--",
            "--X\r\nContent-Type: text/plain\r\n\r\nb\r\n--X--",
            "--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\0\r\n--X--",
        ] {
            assert!(parts(wrong.as_bytes(), "X").is_err(), "{wrong}");
        }
        let many: String = (0..=MOST_PARTS).map(|n| part(&format!("p{n}"), "", "")).collect();
        assert_eq!(parts(format!("{many}--X--").as_bytes(), "X"), Err(ParamsError::TooMany));
        assert_eq!(
            parts(b"--X\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\xff\r\n--X--", "X"),
            Err(ParamsError::NotText)
        );
    }

    #[test]
    fn the_boundary_is_plain_and_short() {
        assert_eq!(boundary("multipart/form-data; boundary=----abc").as_deref(), Some("----abc"));
        assert_eq!(boundary("Multipart/Form-Data; charset=utf-8; boundary=\"a b\""), None);
        for wrong in
            ["multipart/form-data", "multipart/mixed; boundary=a", "multipart/form-data; boundary=", "text/csv"]
        {
            assert_eq!(boundary(wrong), None, "{wrong}");
        }
        assert_eq!(boundary(&format!("multipart/form-data; boundary={}", "a".repeat(71))), None);
    }
}

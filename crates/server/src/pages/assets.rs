//! The style sheet, the scripts and the logo: part of the binary, served under a name that changes with the content, so that a
//! browser may keep them for ever.

use aws_lc_rs::digest::{SHA256, digest};

/// The path before the name of an asset.
pub const PREFIX: &str = "/assets/";

/// A file for browsers.
#[derive(Clone, Debug)]
pub struct Asset {
    /// Its media type.
    pub content_type: &'static str,
    /// Its content.
    pub body: &'static str,
    name: &'static str,
    url: String,
}

/// All of them.
#[derive(Clone, Debug)]
pub struct Assets(Vec<Asset>);

macro_rules! asset {
    ($name:literal, $content_type:literal) => {
        Asset::new($name, $content_type, include_str!(concat!("../../assets/", $name)))
    };
}

impl Asset {
    fn new(name: &'static str, content_type: &'static str, body: &'static str) -> Self {
        let hash: String =
            digest(&SHA256, body.as_bytes()).as_ref().iter().take(5).map(|b| format!("{b:02x}")).collect();
        let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
        Self { content_type, body, name, url: format!("{PREFIX}{stem}.{hash}.{extension}") }
    }
}

impl Assets {
    pub(super) fn new() -> Self {
        Self(vec![
            asset!("site.css", "text/css; charset=utf-8"),
            asset!("logo.svg", "image/svg+xml"),
            asset!("password.js", "text/javascript; charset=utf-8"),
            asset!("otp.js", "text/javascript; charset=utf-8"),
            asset!("account.css", "text/css; charset=utf-8"),
            asset!("passkey.js", "text/javascript; charset=utf-8"),
            asset!("signal.js", "text/javascript; charset=utf-8"),
            asset!("keep.js", "text/javascript; charset=utf-8"),
            asset!("time.js", "text/javascript; charset=utf-8"),
            asset!("console.css", "text/css; charset=utf-8"),
            asset!("console.js", "text/javascript; charset=utf-8"),
            asset!("chain.js", "text/javascript; charset=utf-8"),
            asset!("redirects.js", "text/javascript; charset=utf-8"),
            asset!("drag.js", "text/javascript; charset=utf-8"),
            asset!("live-tail.js", "text/javascript; charset=utf-8"),
        ])
    }

    /// The asset at a path such as `/assets/site.1f2e3d4c5b.css`, to be answered with
    /// `Cache-Control: public, max-age=31536000, immutable`. A name with another content's hash is not found: an old page
    /// must not keep a new content under the old name.
    pub fn at(&self, path: &str) -> Option<&Asset> {
        self.0.iter().find(|asset| asset.url == path)
    }

    /// The logo, for `/favicon.ico` (browsers read the media type, not the name).
    pub fn logo(&self) -> Option<&Asset> {
        self.0.iter().find(|asset| asset.name == "logo.svg")
    }

    pub(super) fn url(&self, name: &str) -> &str {
        self.0.iter().find(|asset| asset.name == name).map_or("", |asset| &asset.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asset_is_found_under_its_own_name_only() {
        let assets = Assets::new();
        let url = assets.url("site.css");
        assert_eq!(assets.at(url).map(|asset| asset.name), Some("site.css"));
        for wrong in ["/assets/site.css", "/assets/site.0000000000.css", "/assets/", "/assets/../Cargo.toml", ""] {
            assert!(assets.at(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn the_style_sheet_stays_small() {
        let size = |name| Assets::new().0.iter().find(|asset| asset.name == name).map_or(0, |asset| asset.body.len());
        assert!(size("site.css") <= 8 * 1024, "{}", size("site.css"));
        assert!((1..=14 * 1024).contains(&size("console.css")), "{}", size("console.css"));
        assert!((1..=4 * 1024).contains(&size("account.css")), "{}", size("account.css"));
        assert!((1..5_500).contains(&size("passkey.js")), "{}", size("passkey.js"));
        assert!((1..3_500).contains(&size("live-tail.js")), "{}", size("live-tail.js"));
        for script in [
            "password.js",
            "keep.js",
            "signal.js",
            "otp.js",
            "time.js",
            "console.js",
            "chain.js",
            "drag.js",
            "redirects.js",
        ] {
            assert!((1..2_500).contains(&size(script)), "{script}: {}", size(script));
        }
    }

    #[test]
    fn names_of_claims_stay_whole_and_times_are_written_as_the_reader_writes_them() {
        let body = |name| Assets::new().0.iter().find(|asset| asset.name == name).map_or("", |asset| asset.body);
        let breaking =
            body("site.css").lines().find(|line| line.contains("overflow-wrap: anywhere") && line.contains("dd,"));
        let breaking: Vec<_> = breaking.unwrap().split_once('{').unwrap().0.trim().split(", ").collect();
        assert!(breaking.contains(&"td") && !breaking.contains(&"th") && !breaking.contains(&"code"), "{breaking:?}");
        assert!(body("time.js").contains("navigator.languages"));
    }
}

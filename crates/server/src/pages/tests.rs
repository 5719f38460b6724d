//! What holds for every page in every state.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
};

use vestibule_authn_password::{HashParams, HashPool, PoolSettings};

use super::{messages::Catalogue, *};

fn cx(locale: &'static str) -> PageContext {
    PageContext {
        locale,
        nonce: Some("n0nce".to_owned()),
        csrf: "csrf-value".to_owned(),
        dev_banner: true,
        host: "login.example.com".to_owned(),
    }
}

fn registry() -> Registry {
    let params = HashParams { memory_kib: 8, passes: 1, lanes: 1 };
    let pool = HashPool::new(PoolSettings { params, ..PoolSettings::default() }).unwrap();
    let party = vestibule_authn_passkey::Party::new(&"https://auth.example.com".parse().unwrap(), &[]).unwrap();
    crate::authenticators::registry(&pool, party).unwrap()
}

fn pages() -> Pages {
    Pages::new(&registry(), None).unwrap()
}

/// Every sample and the gallery itself, drawn; with its name.
fn drawn(pages: &Pages, locale: &'static str) -> Vec<(String, String)> {
    let gallery = Sample { page: "gallery", state: "list", value: gallery::index() };
    let samples = Page::samples().into_iter().chain([gallery]);
    samples.map(|s| (format!("{}/{}", s.page, s.state), pages.render(&s.value, &cx(locale)).unwrap())).collect()
}

fn sample(page: &str, state: &str) -> String {
    pages().render(&gallery::find(page, state).unwrap(), &cx("en")).unwrap()
}

fn step(page: &str, state: &str) -> Step {
    match gallery::find(page, state) {
        Some(Page::Step(step)) => step,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_page_can_be_drawn_in_every_state_and_language() {
    pages().check().unwrap();
    for &locale in locale::LOCALES {
        for (name, html) in drawn(&pages(), locale) {
            assert!(html.contains(&format!("<html lang=\"{locale}\"")), "{name}");
            for tag in ["<h1", "</h1>", "<main", "<header>", "<title>"] {
                assert_eq!(html.matches(tag).count(), 1, "{name}: {tag}");
            }
        }
    }
}

/// Each message is replaced by its own name, so that what is drawn tells which were used.
#[test]
fn every_message_that_is_used_exists_and_every_message_is_used() {
    let brought = registry().iter().flat_map(|a| a.descriptor().messages).map(|(key, _)| *key).collect::<BTreeSet<_>>();
    let english = Catalogue::new(&Registry::default()).unwrap().keys("en");
    let keys = english.iter().cloned().chain(brought.iter().map(|&key| key.to_owned()));
    let named = Catalogue::of("en", keys.map(|key| (key.clone(), format!("⟦{key}⟧"))).collect());
    let mut templates = templates::engine();
    let words = Words(Arc::new(named));
    helpers::register(&mut templates, Arc::clone(&words.0));
    templates::register(&mut templates, None).unwrap();
    let pages = Pages { templates, assets: Assets::new(), words };
    let mut used = BTreeSet::new();
    for (name, html) in drawn(&pages, "en") {
        let keys = html.split('⟦').skip(1).filter_map(|rest| rest.split_once('⟧'));
        used.extend(keys.map(|(key, _)| key.to_owned()));
        let missing = html.split('[').skip(1).filter_map(|rest| rest.split_once(']')).map(|(key, _)| key);
        let missing: Vec<&str> = missing.filter(|key| key.contains('.') && !key.contains(['&', ' '])).collect();
        assert!(missing.is_empty(), "{name} uses {missing:?}");
    }
    // What the engine and the notices say only together with an authenticator's own words.
    // What the service says is found in the catalogue by its words: `said` holds each of these against the sources.
    // What messages to people say is on no page; a test beside them looks.
    let elsewhere = |key: &&String| key.starts_with("said.") || key.starts_with("post.");
    let unused: Vec<_> = english.difference(&used).filter(|key| !elsewhere(key)).collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn what_authenticators_ask_is_translated() {
    let german = Catalogue::new(&registry()).unwrap().keys("de");
    for authenticator in &registry().iter().map(|a| a.descriptor().clone()).collect::<Vec<_>>() {
        for what in ["label", "title", "field", "submit", "empty", "malformed"] {
            let key = format!("{}.{what}", authenticator.name);
            assert!(german.contains(&key), "{key}");
        }
    }
    let known = Catalogue::new(&registry()).unwrap().keys("en");
    assert_eq!(german.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn the_main_button_is_the_first_that_a_script_finds() {
    for (name, html) in drawn(&pages(), "en") {
        let Some(main) = html.find("type=\"submit\"") else { continue };
        assert!(html[..main].rfind("<button").is_some_and(|at| html[at..main].contains("class=\"main\"")), "{name}");
        for other in ["name=\"alternative\"", "value=\"choose\"", "value=\"deny\"", "name=\"session\""] {
            assert!(html.find(other).is_none_or(|at| at > main), "{name}: {other}");
        }
    }
}

#[test]
fn what_scripts_look_for_keeps_its_name() {
    let sign_in = sample("sign-in", "other-ways");
    for wanted in [r#"name="username""#, r#"name="password""#, r#"<button name="alternative" value="1""#] {
        assert!(sign_in.contains(wanted), "{wanted}");
    }
    let code = sample("code", "sent");
    let hidden = [("csrf", "csrf-value"), ("version", "3"), ("challenge", "01936b5e-7c1a-7e40-9d1f-3f2b8a6c4d21")];
    for (name, value) in hidden {
        assert!(code.contains(&format!(r#"<input type="hidden" name="{name}" value="{value}">"#)), "{name}");
    }
    for wanted in [r#"name="code""#, r#"name="action" value="resend""#, r#"name="action" value="choose""#] {
        assert!(code.contains(wanted), "{wanted}");
    }
    assert!(code.contains(r#"inputmode="numeric""#) && code.contains(r#"autocomplete="one-time-code""#));
    assert!(code.contains(r#"pattern="[0-9 \-]{6,9}""#), "{code}");
    let consent = sample("consent", "asked");
    for wanted in
        [r#"name="decision" value="allow""#, r#"name="decision" value="deny""#, r#"name="scope" value="email""#]
    {
        assert!(consent.contains(wanted), "{wanted}");
    }
    assert!(sample("code", "expired").contains(r#"type="submit" name="action" value="resend""#));
}

#[test]
fn a_key_is_a_picture_a_text_and_a_link_and_none_of_it_has_an_address() {
    let html = sample("enrol", "app-key");
    let picture = html.split_once("<svg").unwrap().1.split_once("</svg>").unwrap().0;
    assert!(picture.contains(r#"role="img" aria-label="QR code"#), "{picture}");
    assert!(
        picture.contains(r##"fill="#fff""##) && picture.contains(r##"fill="#000""##),
        "dark on white in every look"
    );
    assert!(html.contains("<span>GEZD</span> <span>GNBV</span>") && html.contains(r#"data-copy="GEZDGNBVGY3"#));
    assert!(html.contains(r#"<a class="button" href="otpauth://totp/"#), "{html}");
    let images = html.split("<img").skip(1).map(|rest| rest.split_once('>').unwrap().0);
    assert!(images.into_iter().all(|image| image.contains("src=\"/assets/")));
    let typed = sample("enrol", "app-key-without-a-picture");
    assert!(
        !typed.contains("<svg") && typed.contains("<details class=\"key\" open>"),
        "what cannot be scanned is typed"
    );
}

#[test]
fn codes_can_be_kept_without_a_script() {
    let html = sample("enrol", "codes");
    assert!(
        html.contains(r#"href="data:text/plain;charset&#x3D;utf-8,"#)
            && html.contains(r#"download="login.example.com.txt""#)
    );
    assert_eq!(html.matches("<li><code>k7m").count(), 10, "{html}");
    assert!(html.contains(r#"<p class="sheet">login.example.com – Ada Lovelace – <time"#), "{html}");
    assert!(html.contains(r#"data-print hidden"#), "a button that does nothing is not shown");
}

#[test]
fn without_its_script_a_page_for_a_passkey_says_so_and_offers_the_others() {
    let html = sample("passkey", "use");
    assert!(html.contains("data-without>A passkey needs JavaScript") && html.contains("Choose another way below."));
    assert!(html.contains(r#"<button class="main" type="submit" hidden>"#) && html.contains(r#"name="alternative""#));
    assert!(html.contains(r#"<input type="hidden" name="credential" value="">"#) && html.contains("/assets/passkey."));
    assert!(html.contains("data-passkey=\"{&quot;challenge&quot;:"), "{html}");
    assert!(sample("passkey", "use-with-a-name").contains(r#"autocomplete="username webauthn""#));
    assert!(!sample("sign-in", "fresh").contains("webauthn"), "nothing is offered where no passkey is asked for");
}

#[test]
fn only_the_code_of_a_text_message_is_read_by_the_browser() {
    let drawn = |sms: bool| {
        let mut step = step("code", "sent");
        step.code.as_mut().unwrap().sms = sms;
        pages().render(&Page::Step(step), &cx("en")).unwrap()
    };
    assert!(drawn(true).contains(" data-sms ") && drawn(true).contains("/assets/otp."));
    assert!(!drawn(false).contains("data-sms"), "what comes by e-mail is no text message");
    assert!(!sample("enrol", "app-key").contains("data-sms"));
}

#[test]
fn what_is_not_taken_yet_is_said_with_the_time_and_the_others_stay() {
    for (page, others) in [("sign-in", "password"), ("choose", "Text message"), ("no-way", "look after your account")] {
        let html = sample(page, "number-changed");
        assert!(html.contains("changed a short time ago") && html.contains("2026-11-24 14:03 UTC"), "{page}: {html}");
        assert!(html.contains(others), "{page}");
    }
}

#[test]
fn what_is_to_be_set_up_is_called_so() {
    let html = sample("enrol", "choose");
    assert!(html.contains("<h1>Set up one more way to sign in</h1>") && html.contains("Set up: "), "{html}");
    assert!(!sample("choose", "three-ways").contains("Set up"));
    for (state, wanted) in [
        ("phone", r#"type="tel" inputmode="tel" autocomplete="tel""#),
        ("email", r#"type="email" autocomplete="email""#),
        ("password", r#"type="password" autocomplete="new-password""#),
    ] {
        assert!(sample("enrol", state).contains(wanted), "{state}");
    }
}

#[test]
fn what_is_changed_is_not_offered_before_the_proof() {
    for state in ["to-be-proved", "proved-too-long-ago"] {
        let factor = sample("way-to-sign-in", state);
        assert!(!factor.contains("/remove\"") && factor.contains(r#"action="/portal/confirm""#), "{factor}");
        let password = sample("change-password", state);
        assert!(!password.contains("name=\"current\"") && password.contains(r#"action="/portal/confirm""#));
    }
}

#[test]
fn a_014_whatever_an_application_is_called_stays_text() {
    let evil = "\"><script>alert(1)</script>{{csrf}}".to_owned();
    let app = Some(App { name: evil.clone(), host: Some(evil.clone()) });
    let way = Way { target: Some(evil.clone()), ..step("code", "sent").others.remove(0) };
    let hostile = Step {
        app: app.clone(),
        user_name: Some(evil.clone()),
        username: Some(evil.clone()),
        others: vec![way],
        notice: Some(Notice::trouble(evil.clone(), false)),
        ..step("sign-in", "fresh")
    };
    let mut error = ErrorPage::new(Cause::WrongAddress, evil.clone());
    error.hint = Some(evil.clone());
    error.back = Some(Link { href: evil.clone(), name: evil.clone() });
    let confirm = ConfirmLogout {
        action: evil.clone(),
        user: None,
        app,
        hidden: vec![Hidden { name: evil.clone(), value: evil.clone() }],
    };
    let (needed, optional) = Scope::sorted(std::slice::from_ref(&evil));
    let (user, form) = (Person { name: evil.clone(), username: evil.clone() }, step("sign-in", "fresh").form);
    let consent = Consent { form, app: App { name: evil, host: None }, user, needed, optional, more: false };
    for page in [Page::Step(hostile), Page::Error(error), Page::ConfirmLogout(confirm), Page::Consent(consent)] {
        let html = pages().render(&page, &cx("en")).unwrap();
        assert!(!html.contains("<script>"), "{html}");
        assert!(html.contains("&lt;script&gt;") && html.contains("{{csrf}}"), "{html}");
    }
}

#[test]
fn no_page_needs_an_exception_from_the_content_security_policy() {
    for (name, html) in drawn(&pages(), "en") {
        for script in html.split("<script").skip(1) {
            let (tag, rest) = script.split_once('>').unwrap();
            assert!(tag.contains("src=\"/assets/") && tag.contains("nonce=\"n0nce\""), "{name}");
            assert!(rest.starts_with("</script>"), "{name}");
        }
        let inline = [" style=", " onclick", " onload", " onsubmit", "javascript:", "<style", "http-equiv"];
        assert!(inline.iter().all(|forbidden| !html.contains(forbidden)), "{name}");
    }
}

#[test]
fn every_form_is_posted_and_carries_the_token() {
    for (name, html) in drawn(&pages(), "en") {
        for form in html.split("<form").skip(1) {
            let tag = form.split_once('>').unwrap().0;
            let form = form.split_once("</form>").unwrap().0;
            if tag.contains("role=\"search\"") {
                // What only asks stands in the address, where no token belongs.
                assert!(tag.contains("method=\"get\"") && !form.contains("csrf"), "{name}");
                continue;
            }
            assert!(tag.contains("method=\"post\""), "{name}");
            assert!(form.contains(r#"name="csrf" value="csrf-value""#), "{name}");
        }
    }
}

#[test]
fn ids_are_unique_and_what_is_described_exists() {
    for (name, html) in drawn(&pages(), "en") {
        let values = |attribute: &str| -> Vec<String> {
            let before = format!(" {attribute}=\"");
            let found = html.split(&before).skip(1).filter_map(|rest| rest.split_once('"'));
            found.flat_map(|(value, _)| value.split(' ')).map(str::to_owned).collect()
        };
        let ids = values("id");
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{name}: {ids:?}");
        for attribute in ["for", "aria-describedby", "aria-labelledby", "aria-controls"] {
            for id in values(attribute) {
                assert!(ids.contains(&id), "{name}: {attribute}={id}");
            }
        }
    }
}

#[test]
fn what_went_wrong_takes_the_focus_or_is_named_by_the_field() {
    let wrong = sample("code", "wrong-3-left");
    assert!(wrong.contains(r#"aria-describedby="code-hint notice""#) && wrong.contains(r#"aria-invalid="true""#));
    assert!(wrong.contains("3 tries left") && wrong.contains("<title>Problem:"));
    let trouble = sample("sign-in", "trouble");
    assert!(trouble.contains(r#"role="alert" tabindex="-1" autofocus"#) && !trouble.contains("aria-invalid"));
}

#[test]
fn a_060_an_unknown_name_and_a_wrong_password_are_told_alike() {
    let html = sample("sign-in", "wrong");
    assert!(html.contains("The user name or the password is not right."), "{html}");
}

/// The first TCP window is 14 kB; nothing here is compressed yet.
#[test]
fn the_sign_in_page_is_light() {
    let (pages, html) = (pages(), sample("sign-in", "wait"));
    let paths: BTreeSet<&str> = html.split('"').filter(|part| part.starts_with(assets::PREFIX)).collect();
    assert_eq!(paths.len(), 4, "{paths:?}");
    let files: usize = paths.iter().map(|path| pages.assets().at(path).unwrap().body.len()).sum();
    assert!(html.len() + files <= 14 * 1024, "{} + {files}", html.len());
}

#[test]
fn every_state_of_the_gallery_can_be_found() {
    let Page::Gallery(list) = gallery::index() else { panic!() };
    let mut seen = HashMap::new();
    for state in list.pages.iter().flat_map(|entry| &entry.states) {
        let mut parts = state.href.trim_start_matches(gallery::PREFIX).trim_start_matches('/').split('/');
        let found = gallery::find(parts.next().unwrap(), parts.next().unwrap());
        assert!(found.is_some() && seen.insert(&state.href, ()).is_none(), "{}", state.href);
    }
    assert_eq!(seen.len(), Page::samples().len());
    assert!(gallery::find("sign-in", "no-such-state").is_none());
}

fn overridden(file: &str, text: &str) -> Result<Pages, PagesError> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(file), text).unwrap();
    Pages::new(&registry(), Some(folder.path()))
}

#[test]
fn a_template_of_ones_own_replaces_ours() {
    let pages =
        overridden("signed-out.hbs", "<h1>{{t \"signed-out.title\"}}</h1><p>Bye from {{cx.host}}.</p>").unwrap();
    let html = pages.render(&gallery::find("sign-out", "done").unwrap(), &cx("en")).unwrap();
    assert!(html.contains("Bye from login.example.com."), "{html}");
}

#[test]
fn a_template_that_cannot_work_is_refused_at_the_start() {
    let broken = overridden("step.hbs", "{{#if");
    assert!(matches!(broken, Err(PagesError::Template { name, .. }) if name == "step"));
    let asks_too_much = overridden("error.hbs", "{{secret}}");
    assert!(matches!(asks_too_much, Err(PagesError::Render { name, .. }) if name == "error"));
    let misspelt = overridden("sing-in.hbs", "");
    assert!(matches!(misspelt, Err(PagesError::UnknownTemplate(path)) if path.ends_with("sing-in.hbs")));
    let nowhere = Pages::new(&registry(), Some(Path::new("/nonexistent/templates")));
    assert!(matches!(nowhere, Err(PagesError::Folder { .. })));
}

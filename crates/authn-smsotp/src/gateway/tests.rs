//! Gateways against a server that answers as vendors document, and as they do on bad days.

use std::time::Instant;

use serde_json::json;
use vestibule_core::time::SystemClock;

use super::*;
use crate::testing::{FakeGateway, Received, Reply};

const NUMBER: &str = "+12025550142";
const TEXT: &str = "123456 is your code for Books & Co.\n\n@login.example.org #123456";
const SEED: &str = "https://rest.nexmo.com/sms/json?api_key=K&api_secret=S&from=NEXMO&to=$ctx.num&text=$ctx.msg";

fn settings(value: Value) -> Settings {
    serde_json::from_value(value).unwrap()
}

fn gateway(value: Value) -> SmsGateway {
    SmsGateway::from_settings(&settings(value)).unwrap()
}

fn error(value: Value) -> ConnectionError {
    SmsGateway::from_settings(&settings(value)).unwrap_err()
}

fn message() -> Message {
    Message { to: NUMBER.to_owned(), subject: None, body: TEXT.into(), code: "123456".into() }
}

fn accepted(reference: &str) -> SendOutcome {
    SendOutcome::Accepted { reference: Some(reference.to_owned()) }
}

fn refusal(outcome: SendOutcome) -> String {
    match outcome {
        SendOutcome::Refused { why } => why,
        other => panic!("refused, not {other:?}"),
    }
}

fn doubt(outcome: SendOutcome) -> String {
    match outcome {
        SendOutcome::Unknown { why } => why,
        other => panic!("unknown, not {other:?}"),
    }
}

/// A vendor's preset whose URL leads to the fake, and the fake.
async fn vendor(preset: &str, path: &str, more: Value) -> (FakeGateway, SmsGateway) {
    let fake = FakeGateway::start().await.unwrap();
    let mut written = settings(json!({ "preset": preset, "url": fake.url(path) }));
    written.0.extend(more.as_object().unwrap().clone());
    let gateway = SmsGateway::from_settings(&written).unwrap();
    (fake, gateway)
}

fn only(fake: &FakeGateway) -> Received {
    let [received] = fake.received().try_into().unwrap();
    received
}

/// A gateway of nobody in particular, whose messages leave by a query.
async fn plain(more: Value) -> (FakeGateway, SmsGateway) {
    vendor("generic", "/send?to=$ctx.num&text=$ctx.msg", more).await
}

#[test]
fn the_line_of_the_seed_product_works_as_pasted() {
    let gateway = gateway(json!({ "url": SEED }));
    let values = Values { number: "12025550142", body: "a&b c", code: "1", from: "", secrets: &gateway.secrets };
    let request = gateway.request(&values).unwrap();
    assert_eq!(request.method(), reqwest::Method::GET);
    assert_eq!(
        request.url().as_str(),
        "https://rest.nexmo.com/sms/json?api_key=K&api_secret=S&from=NEXMO&to=12025550142&text=a%26b%20c"
    );
    assert_eq!(gateway.number_format, NumberFormat::Digits);
    let refused = Answer { status: 200, body: r#"{"messages":[{"status":"4"}]}"#.to_owned(), whole: true };
    assert!(matches!(gateway.outcome(&refused, &Mask::default()), SendOutcome::Refused { .. }), "Vonage's rule holds");
}

#[test]
fn a_rule_that_was_written_is_not_replaced_by_vonages() {
    let gateway = gateway(json!({ "url": SEED, "success": { "status": [200] }, "number_format": "e164" }));
    assert_eq!(gateway.success.body, []);
    assert_eq!(gateway.number_format, NumberFormat::E164);
}

#[tokio::test]
async fn vonage() {
    let secrets = json!({ "from": "NEXMO", "secrets": { "api_key": "k3y", "api_secret": "s3cr&t" } });
    let (fake, gateway) = vendor("vonage", "/sms/json", secrets).await;
    fake.answer(
        200,
        r#"{
   "message-count": "1",
   "messages": [
      {
         "to": "12025550142",
         "message-id": "0A0000000123ABCD1",
         "status": "0",
         "remaining-balance": "3.14159265",
         "message-price": "0.03330000",
         "network": "12345"
      }
   ]
}"#,
    );
    assert_eq!(gateway.deliver(&message()).await, accepted("0A0000000123ABCD1"));
    let received = only(&fake);
    assert_eq!((received.method.as_str(), received.path.as_str()), ("POST", "/sms/json"));
    assert_eq!(received.header("content-type"), Some("application/x-www-form-urlencoded"));
    let form: Vec<_> = url::form_urlencoded::parse(received.body.as_bytes()).into_owned().collect();
    let expected =
        [("api_key", "k3y"), ("api_secret", "s3cr&t"), ("from", "NEXMO"), ("to", "12025550142"), ("text", TEXT)];
    assert_eq!(form, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));

    for (status, text) in [
        ("1", "Throttled"),
        ("4", "Bad Credentials"),
        ("9", "Quota Exceeded - rejected"),
        ("29", "Non-Whitelisted Destination"),
    ] {
        fake.answer(
            200,
            &format!(r#"{{"message-count":"1","messages":[{{"status":"{status}","error-text":"{text}"}}]}}"#),
        );
        let why = refusal(gateway.deliver(&message()).await);
        assert_eq!(why, format!("HTTP 200, but messages[*].status is \"{status}\": {text}"));
    }
    fake.answer(200, r#"{"message-count":"2","messages":[{"status":"0","message-id":"A"},{"status":"5","error-text":"Internal Error"}]}"#);
    assert!(refusal(gateway.deliver(&message()).await).ends_with("Internal Error"), "every part counts");
}

#[tokio::test]
async fn twilio() {
    let secrets = json!({ "from": "+15017122661", "secrets": { "account_sid": "ACxxxx", "auth_token": "t0ken" } });
    let (fake, gateway) = vendor("twilio", "/2010-04-01/Accounts/{{secret.account_sid}}/Messages.json", secrets).await;
    fake.answer(
        201,
        r#"{
  "account_sid": "ACxxxx",
  "api_version": "2010-04-01",
  "body": "Hi there",
  "date_created": "Thu, 24 Aug 2023 05:01:45 +0000",
  "date_sent": null,
  "direction": "outbound-api",
  "error_code": null,
  "error_message": null,
  "from": "+15017122661",
  "num_media": "0",
  "num_segments": "1",
  "price": null,
  "sid": "SMaaaabbbbccccdddd",
  "status": "queued",
  "to": "+12025550142"
}"#,
    );
    assert_eq!(gateway.deliver(&message()).await, accepted("SMaaaabbbbccccdddd"));
    let received = only(&fake);
    assert_eq!(
        (received.method.as_str(), received.path.as_str()),
        ("POST", "/2010-04-01/Accounts/ACxxxx/Messages.json")
    );
    assert_eq!(received.header("authorization"), Some("Basic QUN4eHh4OnQwa2Vu"));
    assert_eq!(received.form("To").as_deref(), Some(NUMBER));
    assert_eq!(received.form("From").as_deref(), Some("+15017122661"));
    assert_eq!(received.form("Body").as_deref(), Some(TEXT));

    fake.answer(
        201,
        r#"{"sid":"SM1","status":"failed","error_code":30006,"error_message":"Landline or unreachable carrier"}"#,
    );
    let why = refusal(gateway.deliver(&message()).await);
    assert_eq!(why, "HTTP 201, but status is \"failed\": 30006: Landline or unreachable carrier");
    fake.answer(400, r#"{"code":21211,"message":"The 'To' number +12025550142 is not a valid phone number.","more_info":"https://www.twilio.com/docs/errors/21211","status":400}"#);
    let why = refusal(gateway.deliver(&message()).await);
    assert_eq!(why, "HTTP 400: 21211: The 'To' number ••• is not a valid phone number.");
    fake.answer(401, r#"{"code":20003,"message":"Authenticate","more_info":"https://www.twilio.com/docs/errors/20003","status":401}"#);
    assert_eq!(refusal(gateway.deliver(&message()).await), "HTTP 401: 20003: Authenticate");
    fake.answer(503, "");
    assert_eq!(doubt(gateway.deliver(&message()).await), "HTTP 503");
}

#[tokio::test]
async fn clickatell() {
    let (fake, gateway) = vendor("clickatell", "/rest/message", json!({ "secrets": { "token": "t0ken" } })).await;
    fake.answer(202, r#"{"data":{"message":[{"accepted":true,"to":"12025550142","apiMessageId":"77fb29998253415fa5d66971d519d362"}]}}"#);
    assert_eq!(gateway.deliver(&message()).await, accepted("77fb29998253415fa5d66971d519d362"));
    let received = only(&fake);
    assert_eq!(received.header("authorization"), Some("Bearer t0ken"));
    assert_eq!(received.header("x-version"), Some("1"));
    assert_eq!(received.header("content-type"), Some("application/json"));
    let body: Value = serde_json::from_str(&received.body).unwrap();
    assert_eq!(body, json!({ "text": TEXT, "to": ["12025550142"] }));

    fake.answer(202, r#"{"data":{"message":[{"accepted":false,"to":"12025550142","apiMessageId":"","error":{"code":"105","description":"Invalid destination address","documentation":""}}]}}"#);
    assert!(refusal(gateway.deliver(&message()).await).ends_with("is false: Invalid destination address"));
    fake.answer(401, r#"{"error":{"code":"001","description":"Authentication failed"}}"#);
    assert_eq!(refusal(gateway.deliver(&message()).await), "HTTP 401: Authentication failed");
    for (status, code, why) in [(400, "301", "No Credit Left"), (403, "114", "Cannot route message")] {
        fake.answer(
            status,
            &format!(r#"{{"error":{{"code":"{code}","description":"{why}","documentation":"http://www.clickatell.com/help/apidocs/error/{code}.htm"}}}}"#),
        );
        assert_eq!(refusal(gateway.deliver(&message()).await), format!("HTTP {status}: {why}"));
    }
    // Of several elements each has to be accepted, and an answer without one says nothing.
    fake.answer(202, r#"{"data":{"message":[{"accepted":true,"to":"1","apiMessageId":"7"},{"accepted":false,"to":"2","apiMessageId":"","error":{"description":"Destination barred"}}]}}"#);
    assert!(refusal(gateway.deliver(&message()).await).ends_with("Destination barred"));
    fake.answer(202, r#"{"data":{"message":[]}}"#);
    doubt(gateway.deliver(&message()).await);
}

#[tokio::test]
async fn plivo() {
    let secrets = json!({ "from": "14151112222", "secrets": { "auth_id": "MAX", "auth_token": "t0ken" } });
    let (fake, gateway) = vendor("plivo", "/v1/Account/{{secret.auth_id}}/Message/", secrets).await;
    fake.answer(202, "{\n\"message\": \"message(s) queued\",\n\"message_uuid\": [\"db3ce55a-7f1d-11e1-8ea7-1231380bc196\"],\n\"api_id\": \"db342550-7f1d-11e1-8ea7-1231380bc196\"\n}");
    assert_eq!(gateway.deliver(&message()).await, accepted("db3ce55a-7f1d-11e1-8ea7-1231380bc196"));
    let received = only(&fake);
    assert_eq!(received.path, "/v1/Account/MAX/Message/");
    assert_eq!(received.header("authorization"), Some("Basic TUFYOnQwa2Vu"));
    let body: Value = serde_json::from_str(&received.body).unwrap();
    assert_eq!(body, json!({ "src": "14151112222", "dst": "12025550142", "text": TEXT }));
    fake.answer(400, r#"{"api_id":"97ceeb52-58b6-11e1-86da-77300b68f8bb","error":"dst parameter not present"}"#);
    assert_eq!(refusal(gateway.deliver(&message()).await), "HTTP 400: dst parameter not present");
    let login = "Could not verify your access level for that URL.\nYou have to login with proper credentials";
    fake.answer(401, login);
    assert!(refusal(gateway.deliver(&message()).await).starts_with("HTTP 401: Could not verify your access level"));
    fake.answer(404, r#"{"api_id":"97ceeb52-58b6-11e1-86da-77300b68f8bb","error":"not found"}"#);
    assert_eq!(refusal(gateway.deliver(&message()).await), "HTTP 404: not found");
    // What Plivo does not document as taken is not called so.
    fake.answer(200, r#"{"message":"message(s) queued"}"#);
    assert!(!matches!(gateway.deliver(&message()).await, SendOutcome::Accepted { .. }));
}

#[tokio::test]
async fn bulksms() {
    let secrets = json!({ "secrets": { "username": "john", "password": "abcd1234" } });
    let (fake, gateway) = vendor("bulksms", "/eapi/submission/send_sms/2/2.0", secrets).await;
    fake.answer(200, "0|IN_PROGRESS|4511273");
    assert_eq!(gateway.deliver(&message()).await, SendOutcome::Accepted { reference: None });
    let received = only(&fake);
    assert_eq!(received.form("username").as_deref(), Some("john"));
    assert_eq!(received.form("password").as_deref(), Some("abcd1234"));
    assert_eq!(received.form("msisdn").as_deref(), Some("12025550142"));
    assert_eq!(received.form("message").as_deref(), Some(TEXT));
    fake.answer(200, "23|invalid credentials (username was: john)|");
    let why = refusal(gateway.deliver(&message()).await);
    assert_eq!(why, "HTTP 200, but the answer does not begin with \"0|\": 23|invalid credentials (username was: •••)|");
    for said in [
        "22|Internal fatal error|",
        "24|invalid msisdn: 12025550142|",
        "25|You do not have sufficient credits|",
        "27|You have exceeded your daily quota|",
        "40|Temporarily unavailable|",
        "201|Maximum batch size exceeded|",
    ] {
        fake.answer(200, said);
        let why = refusal(gateway.deliver(&message()).await);
        assert!(why.contains(&said.replace("12025550142", "•••")), "{why}");
    }
}

#[tokio::test]
async fn a_082_every_preset_knows_a_refusal_from_a_doubt_and_sends_once() {
    let secrets = json!({
        "api_key": "a", "api_secret": "b", "account_sid": "c", "auth_token": "d", "token": "e", "auth_id": "f", "username": "g", "password": "h",
    });
    for preset in ["vonage", "twilio", "clickatell", "plivo", "bulksms"] {
        let more = json!({ "from": "X", "secrets": secrets, "timeout_seconds": 1 });
        let (fake, gateway) = vendor(preset, "/send", more).await;
        let answer = |status, body: &str| Reply::Answer { status, body: body.to_owned() };
        let days = [
            (answer(400, "{}"), false),
            (answer(401, r#"{"code":20003,"message":"Authenticate"}"#), false),
            (answer(429, ""), false),
            (answer(500, "0|"), true),
            (Reply::Hang, true),
            (Reply::HangUp, true),
            (Reply::Reset, true),
            (Reply::Huge(403), false),
            (Reply::Redirect(fake.url("/elsewhere")), false),
        ];
        for (position, (reply, open)) in days.into_iter().enumerate() {
            fake.reply(reply.clone());
            match gateway.deliver(&message()).await {
                SendOutcome::Unknown { .. } if open => {}
                SendOutcome::Refused { .. } if !open => {}
                other => panic!("{preset}, {reply:?}: {other:?}"),
            }
            assert_eq!(fake.received().len(), position + 1, "{preset}: {reply:?}");
        }
    }
}

/// What a vendor answers is read to an end of ours: a yes that cannot be read whole is none, where the body decides.
#[tokio::test]
async fn a_082_an_answer_without_end_is_no_yes_where_the_body_decides() {
    let secrets = json!({
        "api_key": "a", "api_secret": "b", "account_sid": "c", "auth_token": "d", "token": "e", "auth_id": "f", "username": "g", "password": "h",
    });
    for (preset, status) in [("vonage", 200), ("twilio", 201), ("clickatell", 202), ("bulksms", 200), ("plivo", 202)] {
        let more = json!({ "from": "X", "secrets": secrets, "timeout_seconds": 2 });
        let (fake, gateway) = vendor(preset, "/send", more).await;
        fake.reply(Reply::Huge(status));
        match (preset, gateway.deliver(&message()).await) {
            ("plivo", SendOutcome::Accepted { reference: None }) | (_, SendOutcome::Unknown { .. }) => {}
            ("bulksms", SendOutcome::Refused { .. }) => {}
            (_, other) => panic!("{preset}: {other:?}"),
        }
    }
}

#[test]
fn every_preset_is_whole() {
    let secrets = json!({
        "api_key": "a", "api_secret": "b", "account_sid": "c", "auth_token": "d", "token": "e", "auth_id": "f", "username": "g", "password": "h",
    });
    for preset in ["vonage", "twilio", "clickatell", "plivo", "bulksms"] {
        let gateway = gateway(json!({ "preset": preset, "from": "X", "secrets": secrets }));
        let values = Values { number: "1", body: "b", code: "c", from: "X", secrets: &gateway.secrets };
        let request = gateway.request(&values).unwrap();
        assert_eq!((request.url().scheme(), request.method()), ("https", &reqwest::Method::POST), "{preset}");
        let missing = error(json!({ "preset": preset, "from": "X" }));
        assert!(missing.setting.starts_with("secrets."), "{preset}: {missing}");
    }
    assert_eq!(error(json!({ "preset": "vonage", "secrets": secrets })).setting, "from");
    assert_eq!(error(json!({ "preset": "generic" })).setting, "url");
}

#[tokio::test]
async fn a_081_a_message_full_of_syntax_arrives_as_it_is() {
    let nasty =
        "\"}, {\"to\":[\"+19005550100\"]\r\nX-Evil: 1\n<a href='&'>&to=+19005550100%0d%0a{{secret.key}} $ctx.otp é🔑";
    let message = Message { body: nasty.into(), ..message() };
    let secrets = json!({ "key": "k3y" });

    let (fake, gateway) = plain(json!({ "secrets": secrets })).await;
    gateway.deliver(&message).await;
    let received = only(&fake);
    assert_eq!(received.query("text").as_deref(), Some(nasty));
    assert_eq!(received.query("to").as_deref(), Some(NUMBER));
    assert_eq!(received.query.matches('&').count(), 1);
    assert_eq!(received.header("x-evil"), None);

    let body =
        json!({ "content_type": "json", "body": r#"{"text":"{{body}}","to":"{{mobile}}"}"#, "secrets": secrets });
    let (fake, gateway) = plain(body).await;
    gateway.deliver(&message).await;
    let body: Value = serde_json::from_str(&only(&fake).body).unwrap();
    assert_eq!(body, json!({ "text": nasty, "to": NUMBER }));

    let body = json!({ "content_type": "xml", "body": "<sms to=\"{{mobile}}\">{{body}}</sms>", "secrets": secrets });
    let (fake, gateway) = plain(body).await;
    gateway.deliver(&message).await;
    let body = only(&fake).body;
    assert_eq!(body.matches('<').count(), 2, "{body}");
    assert!(body.contains("&lt;a href=&apos;&amp;&apos;&gt;"), "{body}");
}

#[tokio::test]
async fn a_081_a_number_that_would_split_a_header_is_not_sent() {
    let (fake, gateway) = plain(json!({ "headers": [{ "name": "X-To", "value": "{{mobile}}" }] })).await;
    let split = Message { to: "+1\r\nX-Evil: 1".to_owned(), ..message() };
    assert_eq!(refusal(gateway.deliver(&split).await), "the header x-to would hold a control character");
    assert_eq!(fake.received(), []);
    gateway.deliver(&message()).await;
    assert_eq!(only(&fake).header("x-to"), Some(NUMBER));
}

#[tokio::test]
async fn a_082_a_gateway_on_a_bad_day_is_an_outcome_in_time() {
    let rule = json!({ "body": [{ "json": { "path": "ok", "equals": true } }] });
    let (fake, gateway) = plain(json!({ "timeout_seconds": 1, "success": rule })).await;
    let unknown = |outcome: &SendOutcome| matches!(outcome, SendOutcome::Unknown { .. });
    let refused = |outcome: &SendOutcome| matches!(outcome, SendOutcome::Refused { .. });
    let answer = |status, body: &str| Reply::Answer { status, body: body.to_owned() };
    type Judge<'a> = &'a dyn Fn(&SendOutcome) -> bool;
    let days: [(Reply, Judge<'_>); 12] = [
        (answer(200, r#"{"ok":false}"#), &refused),
        (answer(200, "<html>It works!</html>"), &unknown),
        (answer(404, ""), &refused),
        (answer(500, r#"{"ok":true}"#), &unknown),
        (Reply::Hang, &unknown),
        (Reply::HangUp, &unknown),
        (Reply::Reset, &unknown),
        (Reply::Drip(200), &unknown),
        (Reply::Drip(400), &refused),
        (Reply::Huge(200), &unknown),
        (Reply::Huge(403), &refused),
        (Reply::Redirect(fake.url("/elsewhere")), &refused),
    ];
    for (reply, right) in days {
        fake.reply(reply.clone());
        let start = Instant::now();
        let outcome = gateway.deliver(&message()).await;
        assert!(right(&outcome), "{reply:?}: {outcome:?}");
        assert!(start.elapsed() < Duration::from_secs(3), "{reply:?} took {:?}", start.elapsed());
    }
    let received = fake.received();
    assert_eq!(received.len(), 12, "each message was sent once, and no redirect followed");
    assert!(received.iter().all(|received| received.path == "/send"));
    fake.answer(200, r#"{"ok":true}"#);
    assert!(matches!(gateway.deliver(&message()).await, SendOutcome::Accepted { .. }), "the next day");
}

/// A gateway that wants tokens, and whence they come.
async fn with_tokens() -> (FakeGateway, FakeGateway, SmsGateway) {
    let (fake, granter) = (FakeGateway::start().await.unwrap(), FakeGateway::start().await.unwrap());
    granter.answer(200, r#"{"access_token":"t0ken-1","token_type":"Bearer","expires_in":60}"#);
    let auth = json!({
        "type": "oauth2", "token_url": granter.url("/token"), "client_id": "me&you", "client_secret": "{{secret.key}}", "scope": "sms send",
    });
    let settings = json!({
        "url": fake.url("/send?to=$ctx.num&text=$ctx.msg"), "auth": auth, "secrets": { "key": "hunter2:3" }, "timeout_seconds": 2,
    });
    let gateway = gateway(settings);
    (fake, granter, gateway)
}

#[tokio::test]
async fn a_token_is_fetched_once_and_renewed_before_its_end() {
    let (fake, granter, gateway) = with_tokens().await;
    for _ in 0..3 {
        assert!(matches!(gateway.deliver(&message()).await, SendOutcome::Accepted { .. }));
    }
    let asked = only(&granter);
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/token"));
    assert_eq!(
        asked.header("authorization"),
        Some("Basic bWUlMjZ5b3U6aHVudGVyMiUzQTM="),
        "encoded before it is joined"
    );
    assert_eq!(asked.form("grant_type").as_deref(), Some("client_credentials"));
    assert_eq!(asked.form("scope").as_deref(), Some("sms send"));
    assert_eq!(fake.received().len(), 3);
    assert!(fake.received().iter().all(|sent| sent.header("authorization") == Some("Bearer t0ken-1")));
    // A life that is shorter than the margin: each message wants a new one.
    let (_fake, granter, gateway) = with_tokens().await;
    granter.answer(200, r#"{"access_token":"x","token_type":"bearer","expires_in":20}"#);
    gateway.deliver(&message()).await;
    gateway.deliver(&message()).await;
    assert_eq!(granter.received().len(), 2);
}

#[tokio::test]
async fn a_token_that_is_not_taken_is_renewed_once_and_no_message_is_sent_twice() {
    let (fake, granter, gateway) = with_tokens().await;
    fake.answer(401, "t0ken-1 is no good, hunter2:3");
    let why = refusal(gateway.deliver(&message()).await);
    assert_eq!(why, "HTTP 401: ••• is no good, •••");
    assert_eq!((fake.received().len(), granter.received().len()), (2, 2), "once more, and then no more");
    fake.answer(500, "");
    assert_eq!(doubt(gateway.deliver(&message()).await), "HTTP 500");
    assert_eq!((fake.received().len(), granter.received().len()), (3, 2), "what may have been sent is not sent again");
}

#[tokio::test]
async fn without_a_token_nothing_is_sent_and_the_reason_tells_no_secret() {
    let (fake, granter, gateway) = with_tokens().await;
    let answer = |status, body: &str| Reply::Answer { status, body: body.to_owned() };
    for reply in [
        answer(401, r#"{"error":"invalid_client","error_description":"hunter2:3"}"#),
        answer(200, r#"{"access_token":"","token_type":"Bearer"}"#),
        answer(200, r#"{"access_token":"t0ken-9","token_type":"mac"}"#),
        answer(200, r#"{"access_token":"a\nb","token_type":"Bearer"}"#),
        answer(200, "hunter2:3"),
        Reply::Redirect(fake.url("/token")),
        Reply::HangUp,
        Reply::Huge(200),
    ] {
        granter.reply(reply.clone());
        let why = refusal(gateway.deliver(&message()).await);
        assert!(
            why.starts_with("no token: ") && !why.contains("hunter2") && !why.contains("t0ken"),
            "{reply:?}: {why}"
        );
    }
    assert_eq!(fake.received(), []);
}

#[tokio::test]
async fn before_there_is_a_connection_nothing_was_sent() {
    let (fake, gateway) = plain(json!({})).await;
    drop(fake);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(refusal(gateway.deliver(&message()).await).starts_with("no connection"));
    // A server that speaks no TLS: the message must not leave.
    let fake = FakeGateway::start().await.unwrap();
    let tls = fake.url("/?text=$ctx.msg").replace("http://", "https://");
    let gateway = SmsGateway::from_settings(&settings(json!({ "url": tls }))).unwrap();
    assert!(refusal(gateway.deliver(&message()).await).starts_with("no connection"));
    assert_eq!(fake.received(), []);
}

#[tokio::test]
async fn a_137_what_a_gateway_says_back_is_masked() {
    let more = json!({
        "secrets": { "key": "k3y&x", "unused": "hunter2" },
        "headers": [{ "name": "X-Api-Token", "value": "t0ken-value" }, { "name": "X-Key", "value": "{{secret.key}}" }],
        "auth": { "type": "basic", "username": "carol", "password": "w0rd" },
        "mask": ["internal-host"],
    });
    let fake = FakeGateway::start().await.unwrap();
    let url = fake.url("/send?api_key=in%26url&k={{secret.key}}&to=$ctx.num&text=$ctx.msg");
    let mut written = settings(more);
    written.0.insert("url".to_owned(), json!(url));
    let gateway = SmsGateway::from_settings(&written).unwrap();
    gateway.deliver(&message()).await;
    let sent = only(&fake);
    let echo = [
        sent.query.clone(),
        sent.header("authorization").unwrap().to_owned(),
        sent.header("x-key").unwrap().to_owned(),
        sent.header("x-api-token").unwrap().to_owned(),
        "in&url carol:w0rd hunter2 internal-host 202-555-0142 123456".to_owned(),
        TEXT.to_owned(),
    ];
    for said in echo {
        fake.answer(400, &said);
        let why = refusal(gateway.deliver(&message()).await);
        assert!(why.contains("•••"), "{why}");
        for hidden in [
            "k3y",
            "in%26url",
            "in&url",
            "hunter2",
            "t0ken",
            "carol",
            "w0rd",
            "Y2Fyb2w",
            "internal-host",
            "2025550142",
            "555-0142",
            "123456",
            "your code",
        ] {
            assert!(!why.contains(hidden), "{hidden} in {why}");
        }
    }
    fake.answer(200, &json!({ "id": NUMBER }).to_string());
    let mut referring = written.clone();
    referring.0.insert("reference".to_owned(), json!("id"));
    let gateway = SmsGateway::from_settings(&referring).unwrap();
    assert_eq!(gateway.deliver(&message()).await, accepted("•••"));
}

#[test]
fn settings_that_make_no_sense_are_refused_by_name() {
    let base = json!({ "url": "https://sms.example.org/send", "content_type": "json" });
    let with = |more: Value| {
        let mut settings = base.as_object().unwrap().clone();
        settings.extend(more.as_object().unwrap().clone());
        Value::Object(settings)
    };
    for (more, setting) in [
        (json!({ "url": "http://sms.example.org/" }), "url"),
        (json!({ "url": "https://sms.example.org/$ctx.number" }), "url"),
        (json!({ "url": "https://sms.example.org/{{secret.key}}" }), "secrets.key"),
        (json!({ "body": "{{from}}" }), "from"),
        (json!({ "body": r#"{"text":{{body}}}"# }), "body"),
        (json!({ "body": "text={{body}}" }), "body"),
        (json!({ "body": "x", "content_type": "none" }), "content_type"),
        (json!({ "body": "{}", "method": "GET" }), "method"),
        (json!({ "headers": [{ "name": "X Y", "value": "" }] }), "headers[0].name"),
        (json!({ "headers": [{ "name": "Host", "value": "evil" }] }), "headers[0].name"),
        (json!({ "headers": [{ "name": "X", "value": "a\r\nb: c" }] }), "headers[0].value"),
        (json!({ "headers": [{ "name": "X", "value": "{{body}}" }] }), "headers[0].value"),
        (json!({ "auth": { "type": "bearer", "token": "{{mobile}}" } }), "auth.token"),
        (json!({ "auth": { "type": "bearer", "token": "a\nb" } }), "auth"),
        (json!({ "auth": { "type": "basic", "username": "a:b", "password": "" } }), "auth.username"),
        (json!({ "auth": { "type": "basic", "username": "{{secret.nobody}}", "password": "" } }), "secrets.nobody"),
        (
            json!({ "auth": { "type": "oauth2", "token_url": "http://x.example/", "client_id": "a", "client_secret": "b" } }),
            "auth.token_url",
        ),
        (
            json!({ "auth": { "type": "oauth2", "token_url": "https://{{mobile}}/", "client_id": "a", "client_secret": "b" } }),
            "auth.token_url",
        ),
        (
            json!({ "auth": { "type": "oauth2", "token_url": "https://x.example/?{{body}}", "client_id": "a", "client_secret": "b" } }),
            "auth.token_url",
        ),
        (
            json!({ "auth": { "type": "oauth2", "token_url": "https://x.example/", "client_id": "a", "client_secret": "{{secret.no}}" } }),
            "secrets.no",
        ),
        (json!({ "allowed_prefixes": ["49"] }), "allowed_prefixes"),
        (json!({ "success": { "status": [] } }), "success.status"),
        (json!({ "success": { "status": [500] } }), "success.status"),
        (json!({ "timeout_seconds": 0 }), "timeout_seconds"),
        (json!({ "timeout_seconds": 11 }), "timeout_seconds"),
        (json!({ "timeout_seconds": 2, "connect_timeout_seconds": 3 }), "connect_timeout_seconds"),
    ] {
        let refused = error(with(more.clone()));
        assert_eq!(refused.setting, setting, "{more}: {refused}");
    }
    assert!(SmsGateway::from_settings(&settings(base)).is_ok());
}

#[test]
fn plain_http_needs_the_admins_word() {
    let url = "http://sms.internal.example/send?to=$ctx.num";
    assert_eq!(error(json!({ "url": url })).setting, "url");
    gateway(json!({ "url": url, "allow_plain_http": true }));
}

#[tokio::test]
async fn a_112_the_outbox_exists_only_where_it_is_handed_in() {
    let connection = |kind: &str, written: Value| Connection {
        name: "SMSOTP".into(),
        kind: kind.to_owned(),
        settings: settings(written),
        disabled: false,
    };
    let outbox = Outbox::new(Arc::new(SystemClock::default()));
    let error = |connection, outbox| build(&connection, &[], outbox, &Circuits::default()).err().unwrap().setting;
    assert_eq!(error(connection("sms", json!({ "preset": "outbox" })), None), "preset");
    assert_eq!(error(connection("sms", json!({ "preset": "outbox", "url": "x" })), Some(&outbox)), "url");
    assert_eq!(error(connection("mail", json!({ "preset": "outbox" })), Some(&outbox)), "kind");
    let channel =
        build(&connection("sms", json!({ "preset": "outbox" })), &[], Some(&outbox), &Circuits::default()).unwrap();
    assert!(matches!(channel.deliver(&message()).await, SendOutcome::Accepted { .. }));
    assert_eq!(outbox.latest_to(NUMBER).unwrap().body, TEXT);
    assert!(build(&connection("sms", json!({ "url": SEED })), &[], None, &Circuits::default()).is_ok());
}

#[test]
fn a_gateway_prints_no_secret() {
    let printed = format!("{:?}", gateway(json!({ "url": SEED })));
    assert_eq!(printed, "SmsGateway { host: \"rest.nexmo.com\", .. }");
}

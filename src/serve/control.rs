//! The control page and what it asks for.

use super::answer::Plain;
use super::fault::{Fault, Rules};
use super::log::Request;
use super::switch::Switch;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap};
use hyper::{Method, StatusCode};
use serde_json::{Value, json};

/// Where the page is, on the origin.
pub(super) const PATH: &str = "/__tightrope__/";

const PAGE: &str = include_str!("control.html");
/// The requests that the page is told of, at most.
const MOST: usize = 500;
/// Of what is sent to us, in bytes.
const LONGEST: usize = 64 * 1024;

/// Whether the path is not the site's.
pub(super) fn is_for(path: &str) -> bool {
    path.starts_with(PATH)
}

/// `GET` gives the page and `state`; `POST` takes `faults` (`{"faults": ["404", "*.css=hang"]}`, in place of those
/// before) and `clear`, and answers with the state that follows.
pub(super) async fn answer(request: hyper::Request<Incoming>, switch: &Switch) -> Plain {
    let name = request.uri().path().strip_prefix(PATH).unwrap_or_default().to_owned();
    let is_post = *request.method() == Method::POST;
    if is_post && !is_own(request.headers()) {
        return Plain::text(StatusCode::FORBIDDEN, "only JSON from this page's own origin is taken\n");
    }
    match (is_post, name.as_str()) {
        (false, "") => Plain::of(StatusCode::OK, "text/html; charset=utf-8", PAGE.as_bytes()),
        (false, "state") => state(switch),
        (true, "clear") => {
            switch.shared.log.clear();
            state(switch)
        }
        (true, "faults") => match turn(request, switch).await {
            Ok(()) => state(switch),
            Err(reason) => json_answer(StatusCode::BAD_REQUEST, &json!({ "error": reason })),
        },
        _ => Plain::text(StatusCode::NOT_FOUND, "not found\n"),
    }
}

/// Whether a page elsewhere cannot have sent this. Browsers ask before they send JSON to a stranger, and we do not
/// answer that; and they name the page.
fn is_own(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let own = text(header::HOST).map(|host| format!("http://{host}"));
    let is_json = text(header::CONTENT_TYPE).is_some_and(|media_type| media_type.starts_with("application/json"));
    is_json && text(header::ORIGIN).is_none_or(|origin| Some(origin) == own.as_deref())
}

async fn turn(request: hyper::Request<Incoming>, switch: &Switch) -> Result<(), String> {
    let body = Limited::new(request.into_body(), LONGEST).collect().await.map_err(|error| error.to_string())?;
    let rules = rules(&body.to_bytes())?;
    switch.turn(rules).await.map_err(|error| error.to_string())
}

fn rules(json: &[u8]) -> Result<Rules, String> {
    let value: Value = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let list = value["faults"].as_array().ok_or("no list of `faults`")?;
    let texts: Option<Vec<_>> = list.iter().map(Value::as_str).collect();
    Rules::parse(&texts.ok_or("`faults` are texts")?).map_err(|error| error.to_string())
}

fn state(switch: &Switch) -> Plain {
    let shared = &switch.shared;
    let (first, requests) = shared.log.latest(MOST);
    let modes = Fault::ALL.map(|fault| json!({ "name": fault.name(), "means": fault.description() }));
    let requests: Vec<_> = requests.iter().zip(first + 1..).map(|(one, number)| request(one, number)).collect();
    let value = json!({
        "site": format!("{}{}", shared.origin_url(), shared.site.base_path),
        "cdn": shared.cdn_url(),
        "built_for": shared.site.cdn.as_ref().map(url::Url::as_str),
        "modes": modes,
        "faults": shared.rules().texts(),
        "requests": requests,
    });
    json_answer(StatusCode::OK, &value)
}

fn request(request: &Request, number: usize) -> Value {
    json!({
        "number": number,
        "home": request.home.name(),
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "fault": request.fault.name(),
        "status": request.status,
        "length": request.length,
        "bytes": request.bytes,
    })
}

fn json_answer(status: StatusCode, value: &Value) -> Plain {
    Plain::of(status, "application/json", value.to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use crate::serve::tests::{Answer, SCRIPT, ask, send, server};

    #[tokio::test(flavor = "multi_thread")]
    async fn the_control_page_switches_faults_and_tells_of_requests() {
        let temp = tempfile::tempdir().expect("a directory");
        let (server, origin, cdn) = server(temp.path()).await;
        let post = |name: &str, more: &str, body: &str| {
            let head =
                format!("POST /__tightrope__/{name} HTTP/1.1\r\nHost: localhost:{origin}\r\nConnection: close\r\n");
            send(origin, &format!("{head}Content-Length: {}\r\n{more}\r\n{body}", body.len())).expect("an answer")
        };
        let json = "Content-Type: application/json\r\n";
        let state = |answer: &Answer| serde_json::from_slice::<serde_json::Value>(&answer.body).expect("JSON");
        assert!(ask(origin, "/__tightrope__/").headers.contains("text/html"));

        let answer = post("faults", json, r#"{"faults": ["*.css=500", "404"]}"#);
        assert_eq!((answer.status, &state(&answer)["faults"]), (200, &serde_json::json!(["404", "*.css=500"])));
        assert_eq!((ask(cdn, "/app.js").status, ask(cdn, "/long.css").status), (404, 500));
        let told = state(&ask(origin, "/__tightrope__/state"));
        let [first, second] = told["requests"].as_array().expect("a list").as_slice() else { panic!("{told:#}") };
        assert_eq!((&first["fault"], &first["status"], &first["home"]), (&"404".into(), &404.into(), &"cdn".into()));
        assert_eq!((&second["path"], &second["number"]), (&"/long.css".into(), &2.into()));
        assert_eq!(state(&post("clear", json, "{}"))["requests"], serde_json::json!([]));

        for body in ["", "{}", r#"{"faults": [1]}"#, r#"{"faults": ["*.css=refuse"]}"#, r#"{"faults": ["nonsense"]}"#] {
            let answer = post("faults", json, body);
            assert!(answer.status == 400 && state(&answer)["error"].is_string(), "{body}");
        }
        let healthy = r#"{"faults": ["none"]}"#;
        let foreign = format!("{json}Origin: http://attacker.example\r\n");
        for more in ["Content-Type: text/plain\r\n", "", &foreign] {
            assert_eq!(post("faults", more, healthy).status, 403, "{more}");
        }
        assert_eq!(ask(cdn, "/app.js").status, 404);
        let own = format!("{json}Origin: http://localhost:{origin}\r\n");
        assert_eq!(post("faults", &own, healthy).status, 200);
        assert_eq!(ask(cdn, "/app.js").body, SCRIPT);
        assert_eq!(server.requests().len(), 2);
    }
}

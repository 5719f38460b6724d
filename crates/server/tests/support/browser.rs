//! A browser: keeps cookies as one would, follows redirects one by one, and submits the forms that a page really has.

use std::collections::BTreeMap;

use reqwest::{
    Client, Method, StatusCode,
    header::{HeaderMap, LOCATION, SET_COOKIE},
    redirect::Policy,
};
use url::Url;

use super::html::{self, Form};

/// A browser with its own cookies.
#[derive(Clone)]
pub struct Browser {
    http: Client,
    /// Host and port, then name.
    cookies: BTreeMap<String, BTreeMap<String, String>>,
    /// Sent with every request.
    pub headers: Vec<(String, String)>,
    /// Where it stands.
    pub at: Url,
    /// Where relative addresses begin.
    home: Url,
}

/// An answer, read whole.
#[derive(Clone, Debug)]
pub struct Page {
    pub url: Url,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Page {
    /// The same page as if it had come from another instance: its forms are posted there.
    pub fn at(&self, place: &str) -> Self {
        let mut url = self.url.clone();
        let place: Url = place.parse().unwrap();
        url.set_host(place.host_str()).unwrap();
        url.set_port(place.port()).unwrap();
        Self { url, ..self.clone() }
    }

    /// Where it redirects to.
    pub fn location(&self) -> Option<Url> {
        let target = self.headers.get(LOCATION)?.to_str().unwrap();
        Some(self.url.join(target).unwrap())
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn cookies_set(&self) -> Vec<String> {
        self.headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
    }

    pub fn forms(&self) -> Vec<Form> {
        html::forms(&self.body)
    }

    /// The only form that has this input.
    pub fn form_with(&self, input: &str) -> Form {
        let found = self.forms().into_iter().find(|form| form.has_input(input));
        found.unwrap_or_else(|| panic!("no form with {input} at {} ({}):\n{}", self.url, self.status, self.body))
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|err| panic!("{err}: {}", self.body))
    }

    /// A parameter of the query of where it redirects to.
    pub fn answer(&self, name: &str) -> Option<String> {
        self.location()?.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

impl Browser {
    pub fn new(home: &str) -> Self {
        vestibule_server::http::tls::install_provider();
        let http = Client::builder().redirect(Policy::none()).build().unwrap();
        let home: Url = home.parse().unwrap();
        Self { http, cookies: BTreeMap::new(), headers: Vec::new(), at: home.clone(), home }
    }

    fn host(url: &Url) -> String {
        format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default())
    }

    /// One request, no redirect followed.
    pub async fn request(&mut self, method: Method, url: &str, form: Option<&[(String, String)]>) -> Page {
        let url = self.home.join(url).unwrap();
        let mut request = self.http.request(method, url.clone());
        let cookies = self.cookies.get(&Self::host(&url)).into_iter().flatten();
        let cookies: Vec<_> = cookies.map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(form) = form {
            request = request.form(form);
        }
        self.take(url, request).await
    }

    async fn take(&mut self, url: Url, request: reqwest::RequestBuilder) -> Page {
        let response = request.send().await.unwrap_or_else(|err| panic!("{url}: {err}"));
        let (status, headers) = (response.status(), response.headers().clone());
        let page = Page { url: url.clone(), status, headers, body: response.text().await.unwrap() };
        let jar = self.cookies.entry(Self::host(&url)).or_default();
        for cookie in page.cookies_set() {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((&cookie, ""));
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.to_lowercase().contains("max-age=0") {
                jar.remove(name);
            } else {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
        self.at = url;
        page
    }

    /// GET, no redirect followed.
    pub async fn get(&mut self, url: &str) -> Page {
        self.request(Method::GET, url, None).await
    }

    /// GET of an answer that is read part by part.
    pub async fn stream(&self, url: &str) -> reqwest::Response {
        let url = self.home.join(url).unwrap();
        let cookies = self.cookies.get(&Self::host(&url)).into_iter().flatten();
        let cookies: Vec<_> = cookies.map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = self.http.get(url).header("cookie", cookies.join("; "));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.send().await.unwrap()
    }

    /// POST of a form.
    pub async fn post(&mut self, url: &str, form: &[(&str, &str)]) -> Page {
        let form: Vec<_> = form.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        self.request(Method::POST, url, Some(&form)).await
    }

    /// POST of a form with files, as a browser sends it.
    pub async fn upload(&mut self, url: &str, parts: &[(&str, &str)]) -> Page {
        let url = self.home.join(url).unwrap();
        let cookies = self.cookies.get(&Self::host(&url)).into_iter().flatten();
        let cookies: Vec<_> = cookies.map(|(name, value)| format!("{name}={value}")).collect();
        let part = |(name, value): &(&str, &str)| {
            let file = if *name == "file" { "; filename=\"people.csv\"\r\nContent-Type: text/csv" } else { "" };
            format!("--frontier\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n")
        };
        let body = format!("{}--frontier--\r\n", parts.iter().map(part).collect::<String>());
        let mut request = self.http.post(url.clone()).body(body).header("cookie", cookies.join("; "));
        request = request.header("content-type", "multipart/form-data; boundary=frontier");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        self.take(url, request).await
    }

    /// POST of JSON.
    pub async fn post_json(&mut self, url: &str, body: &serde_json::Value) -> Page {
        let headers = std::mem::take(&mut self.headers);
        let url = self.home.join(url).unwrap();
        let cookies = self.cookies.get(&Self::host(&url)).into_iter().flatten();
        let cookies: Vec<_> = cookies.map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = self.http.post(url.clone()).json(body).header("cookie", cookies.join("; "));
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        self.headers = headers;
        self.take(url, request).await
    }

    /// GET, then every redirect that stays at the server; stops in front of any other place.
    pub async fn open(&mut self, url: &str) -> Page {
        let page = self.get(url).await;
        self.follow(page).await
    }

    /// Follows redirects as long as they stay at the server.
    pub async fn follow(&mut self, mut page: Page) -> Page {
        for _ in 0..20 {
            match page.location() {
                Some(next) if Self::host(&next) == Self::host(&self.home) && page.status.is_redirection() => {
                    page = self.get(next.as_str()).await;
                }
                _ => return page,
            }
        }
        panic!("redirected without end, at {}", page.url);
    }

    /// Submits the form of `page` that has the input `field`, filled in so; no redirect followed.
    pub async fn submit_once(&mut self, page: &Page, field: &str, values: &[(&str, &str)]) -> Page {
        let form = page.form_with(field);
        let target = page.url.join(&form.action).unwrap();
        self.request(Method::POST, target.as_str(), Some(&form.filled(values))).await
    }

    /// The same, and follows redirects as long as they stay at the server.
    pub async fn submit(&mut self, page: &Page, field: &str, values: &[(&str, &str)]) -> Page {
        let answer = self.submit_once(page, field, values).await;
        self.follow(answer).await
    }

    /// The same browser, its cookies too, at another instance of the server.
    pub fn elsewhere(&self, home: &str) -> Self {
        let other: Url = home.parse().unwrap();
        let mut browser = Self { at: other.clone(), home: other.clone(), ..self.clone() };
        let cookies = self.cookies.get(&Self::host(&self.home)).cloned().unwrap_or_default();
        browser.cookies.insert(Self::host(&other), cookies);
        browser
    }

    /// The value of a cookie of the server.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.get(&Self::host(&self.home))?.get(name).cloned()
    }

    /// Plants or replaces a cookie.
    pub fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies.entry(Self::host(&self.home)).or_default().insert(name.to_owned(), value.to_owned());
    }

    /// Throws all cookies away.
    pub fn forget(&mut self) {
        self.cookies.clear();
    }
}

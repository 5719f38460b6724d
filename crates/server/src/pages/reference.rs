//! The API's document for people: the same that machines read, one page, without a script.

use serde::Serialize;

use super::model::Body;

/// The page.
#[derive(Clone, Debug, Serialize)]
pub struct ApiDocs {
    /// Where the document for machines is.
    pub machine: String,
    /// The operations, by what they are about.
    pub groups: Vec<ApiGroup>,
    /// The problems.
    pub problems: Vec<ApiProblem>,
    /// The types.
    pub types: Vec<ApiType>,
}

/// Operations that are about the same.
#[derive(Clone, Debug, Serialize)]
pub struct ApiGroup {
    /// What they are about.
    pub name: String,
    /// Each.
    pub operations: Vec<ApiOperation>,
}

/// An operation.
#[derive(Clone, Debug, Serialize)]
pub struct ApiOperation {
    /// Its id.
    pub id: String,
    /// Its method.
    pub method: String,
    /// Its path.
    pub path: String,
    /// What it does.
    pub summary: String,
    /// The scope that it needs.
    pub scope: String,
    /// The parameters of its query.
    pub query: Vec<String>,
    /// The headers that it looks at.
    pub headers: Vec<String>,
    /// What it takes, if it takes anything.
    pub takes: Option<ApiShape>,
    /// What it gives, if it gives anything.
    pub gives: Option<ApiShape>,
}

/// What is taken or given.
#[derive(Clone, Debug, Serialize)]
pub struct ApiShape {
    /// The media type.
    pub kind: String,
    /// The name of its type, if it has one.
    pub name: Option<String>,
    /// Otherwise its schema, or what it is in words.
    pub schema: Option<String>,
}

/// A problem.
#[derive(Clone, Debug, Serialize)]
pub struct ApiProblem {
    /// The last part of its address.
    pub word: &'static str,
    /// Its status.
    pub status: u16,
    /// What it is.
    pub title: &'static str,
    /// What it means and what to do.
    pub meaning: &'static str,
}

/// A type.
#[derive(Clone, Debug, Serialize)]
pub struct ApiType {
    /// Its name.
    pub name: String,
    /// What it is.
    pub description: Option<String>,
    /// Its schema.
    pub schema: String,
}

impl Body for ApiDocs {
    const TEMPLATE: &'static str = "api-docs";
    const WIDE: bool = true;
}

//! The types of an expression: what it may look at, what it may call, and how much work it may be.
//!
//! The interpreter finds a wrong type when it meets one, which may be in the one login that matters. So every expression is
//! walked once when it is read, over a short list of what there is: what is not in it is refused with its place. The same
//! walk bounds the work: so many nodes, so deep, and one loop over what the request and the user bring.

use cel::{
    IdedExpr,
    common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, SourceInfo, operators as op},
};
use ipnet::IpNet;

use super::Fault;

/// What a value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Type {
    Bool,
    Int,
    Text,
    List(Box<Type>),
    /// Seconds by the name of an authenticator.
    Ages,
}

use Type::{Ages, Bool, Int, Text};

impl std::fmt::Display for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Bool => f.write_str("bool"),
            Int => f.write_str("int"),
            Text => f.write_str("string"),
            Self::List(of) => write!(f, "list of {of}"),
            Ages => f.write_str("map of string to int"),
        }
    }
}

/// What an expression sees; nothing else.
pub(super) const VARIABLES: &[&str] =
    &["client", "scopes", "acr_values", "ip", "username", "groups", "roles", "known_device", "now", "ages"];

/// The function that asks whether the browser's address lies in a range.
pub(super) const NETWORK: &str = "network";

fn variable(name: &str) -> Option<Type> {
    Some(match name {
        "client" | "ip" | "username" => Text,
        "scopes" | "acr_values" | "groups" | "roles" => Type::List(Box::new(Text)),
        "known_device" => Bool,
        "now" => Int,
        "ages" => Ages,
        _ => return None,
    })
}

/// How much an expression may be.
const NODES: usize = 256;
const DEPTH: usize = 32;
/// A pattern is read anew each time: what so many nodes cost.
const PATTERN: usize = 40;
const PATTERN_LENGTH: usize = 64;

/// Checks that an expression is of type bool, and within its bounds; says which variables it uses.
pub(super) fn check(expr: &IdedExpr, source: &SourceInfo) -> Result<Vec<&'static str>, Fault> {
    let mut walk = Walk { source, bound: Vec::new(), nodes: 0, depth: 0, uses: Vec::new() };
    let is = walk.type_of(expr)?;
    if is != Bool {
        return Err(walk.fault(expr, format!("the expression is of type {is}, and has to be a bool")));
    }
    Ok(walk.uses)
}

struct Walk<'a> {
    source: &'a SourceInfo,
    /// The variables of the loop that is walked.
    bound: Vec<(&'a str, Type)>,
    nodes: usize,
    depth: usize,
    uses: Vec<&'static str>,
}

impl<'a> Walk<'a> {
    fn fault(&self, at: &IdedExpr, what: impl Into<String>) -> Fault {
        let offset = self.source.offset_for(at.id).map_or(0, |(start, _)| start as usize);
        let before = self.source.source.get(..offset).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
        Fault::Expression { line, column, what: what.into() }
    }

    fn costs(&mut self, expr: &IdedExpr, nodes: usize) -> Result<(), Fault> {
        self.nodes += nodes;
        if self.nodes > NODES || self.depth > DEPTH {
            return Err(self.fault(expr, "the expression is too much work: write several steps, or shorter patterns"));
        }
        Ok(())
    }

    fn type_of(&mut self, expr: &'a IdedExpr) -> Result<Type, Fault> {
        self.depth += 1;
        self.costs(expr, 1)?;
        let found = match &expr.expr {
            Expr::Literal(literal) => self.literal(expr, literal),
            Expr::Ident(name) => self.ident(expr, name),
            Expr::List(list) => {
                let mut types =
                    list.elements.iter().map(|element| self.type_of(element)).collect::<Result<Vec<_>, _>>()?;
                let first = types.pop().ok_or_else(|| self.fault(expr, "an empty list holds nothing"))?;
                match types.iter().find(|other| **other != first) {
                    None => Ok(Type::List(Box::new(first))),
                    Some(other) => {
                        Err(self.fault(expr, format!("a list holds one type, and this holds {other} and {first}")))
                    }
                }
            }
            Expr::Select(select) => match self.type_of(&select.operand)? {
                Ages if select.test => Ok(Bool),
                Ages => Ok(Int),
                other => Err(self.fault(expr, format!("a {other} has no field `{}`", select.field))),
            },
            Expr::Call(call) => self.call(expr, call),
            Expr::Comprehension(turns) => self.turns(expr, turns),
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => Err(self.fault(expr, "this is not available here")),
        };
        self.depth -= 1;
        found
    }

    fn literal(&self, expr: &IdedExpr, literal: &LiteralValue) -> Result<Type, Fault> {
        match literal {
            LiteralValue::Boolean(_) => Ok(Bool),
            LiteralValue::Int(_) => Ok(Int),
            LiteralValue::String(_) => Ok(Text),
            _ => Err(self.fault(expr, "a value is true or false, a whole number, or a text in quotes")),
        }
    }

    fn ident(&mut self, expr: &IdedExpr, name: &str) -> Result<Type, Fault> {
        if let Some((_, bound)) = self.bound.iter().find(|(bound, _)| *bound == name) {
            return Ok(bound.clone());
        }
        let known = VARIABLES.iter().find(|known| **known == name).zip(variable(name));
        let (name, found) = known
            .ok_or_else(|| self.fault(expr, format!("there is no `{name}`: there are {}", VARIABLES.join(", "))))?;
        if !self.uses.contains(name) {
            self.uses.push(name);
        }
        Ok(found)
    }

    fn call(&mut self, expr: &IdedExpr, call: &'a CallExpr) -> Result<Type, Fault> {
        let name = call.func_name.as_str();
        let member = call.target.is_some();
        let operands = call.target.iter().map(AsRef::as_ref).chain(&call.args);
        let types = operands.map(|operand| self.type_of(operand)).collect::<Result<Vec<_>, _>>()?;
        let found = match (name, member, types.as_slice()) {
            (op::LOGICAL_NOT | op::NOT_STRICTLY_FALSE, false, [Bool]) => Bool,
            (op::LOGICAL_AND | op::LOGICAL_OR, false, all) if all.iter().all(|is| *is == Bool) => Bool,
            (op::CONDITIONAL, false, [Bool, yes, no]) if yes == no => yes.clone(),
            (op::EQUALS | op::NOT_EQUALS, false, [a, b]) if a == b => Bool,
            (op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS, false, [Int, Int] | [Text, Text]) => Bool,
            (op::ADD, false, [Text, Text]) => Text,
            (op::ADD | op::SUBSTRACT | op::MULTIPLY | op::DIVIDE | op::MODULO, false, [Int, Int]) => Int,
            (op::NEGATE, false, [Int]) => Int,
            (op::IN, false, [item, Type::List(of)]) if *item == **of => Bool,
            (op::IN, false, [Text, Ages]) => Bool,
            (op::INDEX, false, [Type::List(of), Int]) => of.as_ref().clone(),
            (op::INDEX, false, [Ages, Text]) => Int,
            ("size", _, [Text | Ages | Type::List(_)]) => Int,
            ("startsWith" | "endsWith" | "contains", true, [Text, Text]) => Bool,
            ("matches", true, [Text, Text]) => self.pattern(call)?,
            (NETWORK, false, [Text]) => self.range(call)?,
            _ => {
                let types: Vec<_> = types.iter().map(Type::to_string).collect();
                let name = name.trim_matches(['_', '@']);
                return Err(self.fault(expr, format!("there is no `{name}` of ({})", types.join(", "))));
            }
        };
        Ok(found)
    }

    /// A pattern is written out, short and not repeated: it is read anew each time that it is asked.
    fn pattern(&mut self, call: &CallExpr) -> Result<Type, Fault> {
        let Some(argument) = call.args.first() else { return Ok(Bool) };
        let Some(pattern) = text(argument) else {
            return Err(self.fault(argument, "a pattern is written out, in quotes"));
        };
        if pattern.len() > PATTERN_LENGTH || pattern.contains('{') {
            let what = format!("a pattern has at most {PATTERN_LENGTH} bytes, and no counted repetition");
            return Err(self.fault(argument, what));
        }
        if !self.bound.is_empty() {
            return Err(self.fault(argument, "a pattern cannot be asked of each: use startsWith, endsWith or contains"));
        }
        // Only the interpreter's own reader knows whether it is one.
        if let Err(error) = super::expression::try_pattern(pattern) {
            return Err(self.fault(argument, error));
        }
        self.costs(argument, PATTERN).map(|()| Bool)
    }

    fn range(&self, call: &CallExpr) -> Result<Type, Fault> {
        match call.args.first().map(|argument| (argument, text(argument))) {
            Some((_, Some(range))) if range.parse::<IpNet>().is_ok() => Ok(Bool),
            Some((argument, _)) => Err(self.fault(argument, "write a range in quotes, such as \"10.0.0.0/8\"")),
            None => Ok(Bool),
        }
    }

    /// `exists`, `all` and `exists_one`: one loop, and none within it.
    fn turns(&mut self, expr: &IdedExpr, turns: &'a ComprehensionExpr) -> Result<Type, Fault> {
        if !self.bound.is_empty() {
            return Err(self.fault(expr, "a loop within a loop is too much work"));
        }
        let of = match self.type_of(&turns.iter_range)? {
            Type::List(of) => *of,
            Ages => Text,
            other => return Err(self.fault(expr, format!("a {other} has no elements"))),
        };
        if variable(&turns.iter_var).is_some() || turns.iter_var2.is_some() {
            return Err(self.fault(expr, format!("`{}` has another meaning here: take another name", turns.iter_var)));
        }
        let literal = matches!(turns.accu_init.expr, Expr::Literal(_));
        if !literal {
            return Err(self.fault(expr, "there are exists, all and exists_one"));
        }
        let state = self.type_of(&turns.accu_init)?;
        self.bound = vec![(&turns.iter_var, of), (&turns.accu_var, state.clone())];
        let parts = [(&turns.loop_cond, &Bool), (&turns.loop_step, &state)];
        for (part, wanted) in parts {
            let is = self.type_of(part)?;
            if is != *wanted {
                return Err(self.fault(part, format!("this is of type {is}, and has to be a {wanted}")));
            }
        }
        let result = self.type_of(&turns.result)?;
        self.bound.clear();
        Ok(result)
    }
}

fn text(expr: &IdedExpr) -> Option<&str> {
    match &expr.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

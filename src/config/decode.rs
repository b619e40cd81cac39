//! The tree as serde sees it. A text from a variable becomes what its key wants; every error learns the whole
//! key and where its value came from.

use std::{collections::btree_map, fmt};

use serde::{
    Deserializer,
    de::{
        self, DeserializeSeed, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
        Visitor,
    },
    forward_to_deserialize_any,
};

use super::{
    load::Problem,
    tree::{Node, Value, is_secret},
};

/// Reads `root` as `T`.
///
/// # Errors
/// [`Problem`] with the key.
pub(super) fn decode<T: de::DeserializeOwned>(root: &Node) -> Result<T, Problem> {
    T::deserialize(Piece::Node(root)).map_err(Wrong::problem)
}

/// An error on its way up; every section adds its key.
#[derive(Debug)]
struct Wrong {
    path: Vec<String>,
    from: Option<String>,
    found: Option<String>,
    allowed: String,
    /// Nothing is there, so it came from nowhere.
    missing: bool,
}

impl Wrong {
    fn new(allowed: String) -> Self {
        Self {
            path: Vec::new(),
            from: None,
            found: None,
            allowed,
            missing: false,
        }
    }

    fn found(mut self, found: String) -> Self {
        self.found = Some(found);
        self
    }

    fn under(mut self, key: &str, node: &Node) -> Self {
        self.path.push(key.to_owned());
        if self.from.is_none() && !self.missing {
            self.from = node.from().map(str::to_owned);
        }
        self
    }

    fn problem(mut self) -> Problem {
        self.path.reverse();
        let key = self.path.join(".");
        let mut problem = Problem::new(&key, &self.allowed);
        problem.from = self.from;
        problem.found = self.found.filter(|_| !is_secret(&key));
        problem
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.allowed)
    }
}

impl std::error::Error for Wrong {}

impl de::Error for Wrong {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("{} is expected", in_words(&expected.to_string()))).found(shown(found))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("allowed: {}", expected.join(", "))).found(format!("{variant:?}"))
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!(
            "there is no such key; allowed: {}",
            expected.join(", ")
        ))
    }

    fn missing_field(field: &'static str) -> Self {
        let mut wrong = Self::new("the key is missing".to_owned());
        wrong.path.push(field.to_owned());
        wrong.missing = true;
        wrong
    }
}

fn shown(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Str(text) => format!("{text:?}"),
        Unexpected::Bool(value) => value.to_string(),
        Unexpected::Signed(number) => number.to_string(),
        Unexpected::Unsigned(number) => number.to_string(),
        Unexpected::Float(number) => number.to_string(),
        other => other.to_string(),
    }
}

/// What serde calls a type, as people do.
fn in_words(expected: &str) -> &str {
    match expected {
        "u32" => "a whole number from 0 to 4294967295",
        "u8" | "u16" | "u64" | "usize" => "a whole number, not negative,",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" => "a text in quotes",
        "a sequence" => "a list",
        other if other.starts_with("struct ") => "a section with keys",
        other => other,
    }
}

/// What is read at one place.
#[derive(Clone, Copy)]
enum Piece<'a> {
    Node(&'a Node),
    Toml(&'a toml::Value),
    Text(&'a str),
}

impl<'a> Piece<'a> {
    /// The value itself, when it is one.
    fn value(self) -> Self {
        match self {
            Self::Node(Node::Leaf {
                value: Value::Toml(value),
                ..
            }) => Self::Toml(value),
            Self::Node(Node::Leaf {
                value: Value::Text(text),
                ..
            }) => Self::Text(text),
            other => other,
        }
    }

    fn text(self) -> Option<&'a str> {
        match self.value() {
            Self::Text(text) => Some(text.trim()),
            _ => None,
        }
    }
}

macro_rules! parse_text {
    ($($method:ident as $type:ty => $visit:ident)+) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
            match self.text().map(str::parse::<$type>) {
                Some(Ok(value)) => visitor.$visit(value),
                _ => self.deserialize_any(visitor),
            }
        }
    )+};
}

impl<'de> Deserializer<'de> for Piece<'_> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.value() {
            Piece::Node(Node::Section(keys)) => visitor.visit_map(Keys {
                keys: keys.iter(),
                next: None,
            }),
            Piece::Text(text) => visitor.visit_str(text),
            Piece::Toml(toml::Value::String(text)) => visitor.visit_str(text),
            Piece::Toml(toml::Value::Integer(number)) => visitor.visit_i64(*number),
            Piece::Toml(toml::Value::Float(number)) => visitor.visit_f64(*number),
            Piece::Toml(toml::Value::Boolean(value)) => visitor.visit_bool(*value),
            Piece::Toml(toml::Value::Datetime(time)) => visitor.visit_string(time.to_string()),
            Piece::Toml(toml::Value::Array(items)) => {
                visitor.visit_seq(Items(items.iter().map(Piece::Toml)))
            }
            Piece::Toml(toml::Value::Table(_)) => {
                Err(Wrong::new("a value is expected, not a section".to_owned()))
            }
            Piece::Node(Node::Leaf { .. }) => Err(Wrong::new("a value is expected".to_owned())),
        }
    }

    parse_text! {
        deserialize_bool as bool => visit_bool
        deserialize_u8 as u64 => visit_u64
        deserialize_u16 as u64 => visit_u64
        deserialize_u32 as u64 => visit_u64
        deserialize_u64 as u64 => visit_u64
        deserialize_i8 as i64 => visit_i64
        deserialize_i16 as i64 => visit_i64
        deserialize_i32 as i64 => visit_i64
        deserialize_i64 as i64 => visit_i64
        deserialize_f32 as f64 => visit_f64
        deserialize_f64 as f64 => visit_f64
    }

    /// A text without anything in it is how variables say "not set".
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.text() {
            Some("") => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    /// A text is a list with commas.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.text() {
            Some(text) => {
                let items = text
                    .split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty());
                visitor.visit_seq(Items(items.map(Piece::Text)))
            }
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        match self.value() {
            Piece::Text(text) => visitor.visit_enum(text.trim().into_deserializer()),
            Piece::Toml(toml::Value::String(text)) => {
                visitor.visit_enum(text.as_str().into_deserializer())
            }
            _ => Err(Wrong::new(format!("allowed: {}", variants.join(", ")))),
        }
    }

    forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct tuple tuple_struct map struct identifier
        ignored_any
    }
}

struct Keys<'a> {
    keys: btree_map::Iter<'a, String, Node>,
    next: Option<(&'a String, &'a Node)>,
}

impl<'de> MapAccess<'de> for Keys<'_> {
    type Error = Wrong;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Wrong> {
        self.next = self.keys.next();
        let Some((key, node)) = self.next else {
            return Ok(None);
        };
        seed.deserialize(key.as_str().into_deserializer())
            .map(Some)
            .map_err(|wrong: Wrong| wrong.under(key, node))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Wrong> {
        let Some((key, node)) = self.next.take() else {
            return Err(Wrong::new("a value without a key".to_owned()));
        };
        seed.deserialize(Piece::Node(node))
            .map_err(|wrong| wrong.under(key, node))
    }
}

struct Items<I>(I);

impl<'de, 'a, I: Iterator<Item = Piece<'a>>> SeqAccess<'de> for Items<I> {
    type Error = Wrong;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Wrong> {
        self.0.next().map(|item| seed.deserialize(item)).transpose()
    }
}

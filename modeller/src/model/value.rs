//! Stored values: the four kinds of cell every store knows, and what a column makes of them.

/// What a column holds. It fixes how a value is stored, compared and written as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A string, stored as text and compared by bytes.
    Text,
    /// A whole number from −2⁶³ to 2⁶³−1.
    Integer,
    /// A finite 64-bit float.
    Number,
    /// `true` or `false`, stored as 1 and 0.
    Boolean,
    /// An instant: RFC 3339 on the wire; stored as UTC text with nine digits of fraction, so that
    /// the order of the text is the order in time.
    DateTime,
    /// An exact decimal number: a string on the wire, stored as text, compared as a number.
    Decimal,
    /// Anything else (arrays, maps, nested structs, enums with data), stored as JSON text.
    Json,
}

impl Kind {
    /// Whether `<` and `>` mean something for values of this kind.
    pub const fn is_ordered(self) -> bool {
        !matches!(self, Kind::Json | Kind::Boolean)
    }

    /// Whether the value is stored as text that its own characters describe.
    pub const fn is_textual(self) -> bool {
        matches!(self, Kind::Text)
    }
}

/// One cell of a row as a store holds it. Its column's [`Kind`] gives it a meaning.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// An integer, or a boolean as 0 or 1.
    Integer(i64),
    /// A float; never NaN and never infinite.
    Number(f64),
    /// Text, or JSON as text.
    Text(String),
}

impl Value {
    /// The same cell, borrowed.
    pub fn view(&self) -> Cell<'_> {
        match self {
            Value::Null => Cell::Null,
            Value::Integer(number) => Cell::Integer(*number),
            Value::Number(number) => Cell::Number(*number),
            Value::Text(text) => Cell::Text(text),
        }
    }

    /// Whether there is no value.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The integer, if it is one.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Value::Integer(number) => Some(*number),
            _ => None,
        }
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Integer(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

/// A borrowed [`Value`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    /// No value.
    Null,
    /// An integer, or a boolean as 0 or 1.
    Integer(i64),
    /// A float.
    Number(f64),
    /// Text, or JSON as text.
    Text(&'a str),
}

impl Cell<'_> {
    /// An owned copy.
    pub fn to_value(self) -> Value {
        match self {
            Cell::Null => Value::Null,
            Cell::Integer(number) => Value::Integer(number),
            Cell::Number(number) => Value::Number(number),
            Cell::Text(text) => Value::Text(text.to_owned()),
        }
    }
}

/// A row that can be looked at cell by cell, in the order of its model's columns
/// ([`Shape::columns`](crate::model::Shape::columns)), wherever it is stored.
pub trait RowView {
    /// The cell of the column with this index; `Null` where the row has none.
    fn cell(&self, index: usize) -> Cell<'_>;
}

/// A row in memory: one value a column, in the order of the model's columns.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Row(pub Vec<Value>);

impl RowView for Row {
    fn cell(&self, index: usize) -> Cell<'_> {
        self.0.get(index).map_or(Cell::Null, Value::view)
    }
}

impl Row {
    /// A copy of another row, of `columns` cells.
    pub fn copy(view: &dyn RowView, columns: usize) -> Self {
        Row((0..columns).map(|index| view.cell(index).to_value()).collect())
    }
}

impl std::ops::Index<usize> for Row {
    type Output = Value;

    fn index(&self, index: usize) -> &Value {
        &self.0[index]
    }
}

impl std::ops::IndexMut<usize> for Row {
    fn index_mut(&mut self, index: usize) -> &mut Value {
        &mut self.0[index]
    }
}

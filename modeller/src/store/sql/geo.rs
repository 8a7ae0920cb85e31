//! Positions within areas: an index of boxes finds the few that can be, and the exact test decides.

use super::{DIALECT, Function, Sql};
use crate::model::{Shape, Value};
use crate::query::{BoundingBox, Within};

/// The name of the index of a model's positions in two columns. SQLite appends to it for tables of its own, which the last part
/// keeps apart from other indexes.
pub(crate) fn index_name(table: &str, shape: &Shape, latitude: usize, longitude: usize) -> String {
    let column = |index: usize| &shape.columns[index].column;
    format!("geo.{table}.{},{}.boxes", column(latitude), column(longitude))
}

impl Sql {
    /// A row without a position is neither within nor without. Where that difference is lost anyway, the index is asked, too.
    pub(super) fn within(&mut self, shape: &Shape, within: &Within) {
        let Within { latitude, longitude, area } = within;
        let (Some(north), Some(east)) = (shape.columns.get(*latitude), shape.columns.get(*longitude)) else {
            return self.text.push_str("NULL");
        };
        let boxes = area.boxes();
        let everywhere = matches!(boxes.as_slice(), [one] if one.is_everywhere());
        // To look everything up takes longer than to look at everything.
        let indexed = self.positive && !everywhere && shape.geo.contains(&(*latitude, *longitude));
        if indexed {
            let table = crate::store::sqlite::table_name(shape);
            let index = index_name(&table, shape, *latitude, *longitude);
            self.text.push('(');
            self.rowid();
            self.text.push_str(" IN (");
            for (at, bounds) in boxes.iter().enumerate() {
                self.text.push_str(if at == 0 { "" } else { " UNION ALL " });
                self.near(&index, bounds);
            }
            self.text.push_str(") AND ");
        }
        self.text.push_str((DIALECT.function)(Function::Within));
        self.named(north);
        self.text.push_str(", ");
        self.named(east);
        self.text.push_str(", ");
        self.bind(Value::Text(area.encode()));
        self.text.push_str(if indexed { "))" } else { ")" });
    }

    /// The rows whose position may lie in the box. The index keeps 32 bits of a number, rounded outwards.
    fn near(&mut self, index: &str, bounds: &BoundingBox) {
        self.text.push_str("SELECT \"id\" FROM ");
        self.quoted(index);
        let sides = [
            (" WHERE \"north\" >= ", bounds.south),
            (" AND \"south\" <= ", bounds.north),
            (" AND \"east\" >= ", bounds.west),
            (" AND \"west\" <= ", bounds.east),
        ];
        for (text, degrees) in sides {
            self.text.push_str(text);
            self.bind(Value::Number(degrees));
        }
    }
}

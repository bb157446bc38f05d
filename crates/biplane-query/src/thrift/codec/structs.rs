//! `thrift_struct!` turns a table of fields, written like the IDL, into a struct that reads and writes
//! itself. Fields that the table does not name, or names with another type, are skipped.

/// `struct TName { 1: required code: i32, 2: optional text: String, }`
macro_rules! thrift_struct {
    ($($(#[$doc:meta])* struct $name:ident { $($id:literal : $need:ident $field:ident : $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Default, PartialEq)]
        pub struct $name {
            $(pub $field: thrift_struct!(@type $need $type),)*
        }

        impl $crate::thrift::codec::Wire for $name {
            const KIND: u8 = $crate::thrift::codec::kind::STRUCT;

            fn read(
                reader: &mut $crate::thrift::codec::Reader,
            ) -> $crate::thrift::codec::Result<Self> {
                reader.nested(|reader| {
                    $(let mut $field: Option<$type> = None;)*
                    while let Some(header) = reader.field()? {
                        match header {
                            $((<$type as $crate::thrift::codec::Wire>::KIND, $id) => {
                                $field = Some($crate::thrift::codec::Wire::read(reader)?);
                            })*
                            (other, _) => reader.skip(other)?,
                        }
                    }
                    Ok(Self { $($field: thrift_struct!(@take $need $name $field),)* })
                })
            }

            fn write(&self, writer: &mut $crate::thrift::codec::Writer) {
                $(thrift_struct!(@write $need self writer $field $id $type);)*
                writer.stop();
            }
        }
    )*};
    (@type required $type:ty) => { $type };
    (@type optional $type:ty) => { Option<$type> };
    (@take required $name:ident $field:ident) => {
        $field.ok_or($crate::thrift::codec::DecodeError::Missing(stringify!($name), stringify!($field)))?
    };
    (@take optional $name:ident $field:ident) => { $field };
    (@write required $self:ident $writer:ident $field:ident $id:literal $type:ty) => {
        $writer.field(<$type as $crate::thrift::codec::Wire>::KIND, $id);
        $crate::thrift::codec::Wire::write(&$self.$field, $writer);
    };
    (@write optional $self:ident $writer:ident $field:ident $id:literal $type:ty) => {
        if let Some(value) = &$self.$field {
            $writer.field(<$type as $crate::thrift::codec::Wire>::KIND, $id);
            $crate::thrift::codec::Wire::write(value, $writer);
        }
    };
}

/// An enum of the IDL: an i32 with names for the values we know. Others are kept as they came.
macro_rules! thrift_enum {
    ($($(#[$doc:meta])* enum $name:ident { $($value:ident = $number:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
        pub struct $name(pub i32);

        impl $name {
            $(pub const $value: Self = Self($number);)*
        }

        impl $crate::thrift::codec::Wire for $name {
            const KIND: u8 = $crate::thrift::codec::kind::I32;

            fn read(
                reader: &mut $crate::thrift::codec::Reader,
            ) -> $crate::thrift::codec::Result<Self> {
                reader.i32().map(Self)
            }

            fn write(&self, writer: &mut $crate::thrift::codec::Writer) {
                writer.i32(self.0);
            }
        }
    )*};
}

pub(in crate::thrift) use {thrift_enum, thrift_struct};

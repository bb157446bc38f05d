"""databricks-sqlalchemy: an ORM round trip and the reflection of what it made."""

import datetime
import decimal

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Session


@pytest.fixture
def engine(server, schema):
    catalog_name, schema_name = schema.split(".")
    url = f"databricks://token:{server.token}@127.0.0.1?http_path={server.http_path}&catalog={catalog_name}&schema={schema_name}"
    engine = sa.create_engine(url, connect_args={"_connection_uri": server.url + server.http_path, "enable_telemetry": False})
    yield engine
    engine.dispose()


def test_objects_go_in_and_come_back(engine):
    class Base(DeclarativeBase):
        pass

    class Thing(Base):
        __tablename__ = "things"
        id = sa.Column(sa.Integer, primary_key=True)
        name = sa.Column(sa.String)
        price = sa.Column(sa.Numeric(10, 2))
        day = sa.Column(sa.Date)
        good = sa.Column(sa.Boolean)

    Base.metadata.create_all(engine)
    made = {"name": "it's", "price": decimal.Decimal("1.25"), "day": datetime.date(2024, 2, 29), "good": True}
    with Session(engine) as session:
        session.add_all([Thing(id=1, **made), Thing(id=2, name="other", good=False)])
        session.commit()
    with Session(engine) as session:
        first = session.scalars(sa.select(Thing).where(Thing.name == "it's")).one()
        assert {key: getattr(first, key) for key in made} == made
        session.execute(sa.update(Thing).where(Thing.id == 2).values(name="changed"))
        session.commit()
        assert session.scalar(sa.select(sa.func.count()).where(Thing.name == "changed")) == 1
    Base.metadata.drop_all(engine)


def test_reflection(engine, schema):
    with engine.begin() as connection:
        connection.execute(sa.text(
            f"CREATE TABLE {schema}.parent (id BIGINT NOT NULL COMMENT 'key', price DECIMAL(10,2), at TIMESTAMP_NTZ, note STRING) COMMENT 'a parent'"
        ))
        connection.execute(sa.text(f"CREATE VIEW {schema}.seen AS SELECT id FROM {schema}.parent"))
    inspector = sa.inspect(engine)
    schema_name = schema.split(".")[1]
    assert schema_name in inspector.get_schema_names()
    assert inspector.get_table_names() == ["parent"] and inspector.get_view_names() == ["seen"]
    assert inspector.has_table("parent") and not inspector.has_table("nowhere")
    columns = {column["name"]: column for column in inspector.get_columns("parent")}
    assert list(columns) == ["id", "price", "at", "note"]
    assert isinstance(columns["id"]["type"], sa.BigInteger) and not columns["id"]["nullable"]
    assert (columns["price"]["type"].precision, columns["price"]["type"].scale) == (10, 2)
    assert inspector.get_table_comment("parent")["text"] == "a parent"
    assert inspector.get_pk_constraint("parent")["constrained_columns"] == []

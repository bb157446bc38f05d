"""The tables of field ids in the Thrift front end against those of the connector."""

import re

import databricks.sql.thrift_api.TCLIService.ttypes as ttypes

from server import ROOT

IDL = ROOT / "crates" / "biplane-query" / "src" / "thrift" / "idl"
KINDS = {2: "bool", 3: "i8", 4: "f64", 6: "i16", 8: "i32", 10: "i64", 11: "String", 12: "struct", 13: "BTreeMap", 15: "Vec"}
# One struct of ours stands for several that look the same.
SAME_AS = {
    "TStatusResp": ["TCloseSessionResp", "TCancelOperationResp", "TCloseOperationResp"],
    "TOperationReq": ["TCancelOperationReq", "TCloseOperationReq", "TGetResultSetMetadataReq"],
    "TOperationResp": ["TExecuteStatementResp", "TGetTypeInfoResp", "TGetCatalogsResp", "TGetSchemasResp", "TGetTablesResp", "TGetColumnsResp"],
    "TGetPlainReq": ["TGetTypeInfoReq", "TGetCatalogsReq", "TGetTableTypesReq"],
    "TDelegationTokenReq": ["TGetDelegationTokenReq", "TCancelDelegationTokenReq", "TRenewDelegationTokenReq"],
}


def source():
    return "\n".join(path.read_text() for path in sorted(IDL.glob("*.rs")))


def kind(type_, enums):
    head = type_.split("<")[0].strip()
    if head in ("Bytes", "String"):
        return "String"
    if head in enums:
        return "i32"
    return head if head in KINDS.values() else "struct"


def test_structs():
    text = source()
    enums = set(re.findall(r"enum (\w+) \{", text))
    structs = re.findall(r"struct (\w+) \{(.*?)\n?\s*\}", text, re.S)
    assert len(structs) > 45
    for name, body in structs:
        fields = re.findall(r"(\d+): (required|optional) ([\w#]+): ([^,]+(?:<[^>]*>)?)(?:,|$)", body)
        for theirs in SAME_AS.get(name, [name]):
            spec = {field[0]: field for field in getattr(ttypes, theirs).thrift_spec if field}
            for number, need, field, type_ in fields:
                number = int(number)
                assert number in spec, f"{theirs} has no field {number}"
                wire = spec[number][2].replace("_", "").lower()
                assert wire == field.replace("r#", "").replace("_", "").lower(), f"{theirs}.{number} is {spec[number][2]}, not {field}"
                assert KINDS[spec[number][1]] == kind(type_, enums), f"{theirs}.{spec[number][2]}: {type_}"


def test_enums():
    for name, body in re.findall(r"enum (\w+) \{(.*?)\}", source(), re.S):
        theirs = vars(getattr(ttypes, name))
        numbers = {value for key, value in theirs.items() if not key.startswith("_") and isinstance(value, int)}
        for member, number in re.findall(r"(\w+) = (\d+),", body):
            assert int(number) in numbers, f"{name}.{member}"
            known = [key for key, value in theirs.items() if value == int(number)]
            assert any(member in key for key in known) or name == "TOperationState" and member == "UNKNOWN", f"{name}.{member} is {known}"

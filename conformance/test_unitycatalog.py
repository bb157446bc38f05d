"""unitycatalog-client, the client of the open-source Unity Catalog."""

import asyncio

import pytest
import unitycatalog.client as uc


def test_catalog_schema_volume_and_table(server, sql):
    configuration = uc.Configuration(host=f"{server.url}/api/2.1/unity-catalog", access_token=server.token)

    async def work():
        async with uc.ApiClient(configuration) as client:
            client.set_default_header("Authorization", f"Bearer {server.token}")
            catalogs, schemas, tables, volumes = uc.CatalogsApi(client), uc.SchemasApi(client), uc.TablesApi(client), uc.VolumesApi(client)
            made = await catalogs.create_catalog(uc.CreateCatalog(name="ossuc", comment="open"))
            assert made.name == "ossuc"
            assert "ossuc" in [found.name for found in (await catalogs.list_catalogs()).catalogs]
            schema = await schemas.create_schema(uc.CreateSchema(name="s", catalog_name="ossuc"))
            assert schema.full_name == "ossuc.s"
            volume = await volumes.create_volume(
                uc.CreateVolumeRequestContent(catalog_name="ossuc", schema_name="s", name="v", volume_type=uc.VolumeType.MANAGED)
            )
            assert volume.full_name == "ossuc.s.v"
            await asyncio.to_thread(sql, "CREATE TABLE ossuc.s.t AS SELECT 1 AS n, CAST(2.5 AS DECIMAL(4,1)) AS d")
            table = await tables.get_table("ossuc.s.t")
            assert [(column.name, column.type_text) for column in table.columns] == [("n", "int"), ("d", "decimal(4,1)")]
            assert [found.name for found in (await tables.list_tables("ossuc", "s")).tables] == ["t"]
            with pytest.raises(uc.ApiException) as caught:
                await schemas.get_schema("ossuc.nowhere")
            assert caught.value.status == 404
            await tables.delete_table("ossuc.s.t")
            await catalogs.delete_catalog("ossuc", force=True)

    asyncio.run(work())

{{ config(
    materialized='table',
    liquid_clustered_by=['city'],
    tblproperties={'team': 'sales'},
    databricks_tags={'layer': 'mart', 'cost_center': '7'},
    grants={'select': [env_var('DBT_READER')]}
) }}
select coalesce(city, 'nowhere') as city, count(*) as customers, sum(credit) as credit
from {{ ref('customers') }}
group by all

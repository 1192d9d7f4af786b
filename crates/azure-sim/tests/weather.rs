//! What goes wrong in a cloud: refusals, faults, quotas, lag, throttling.

mod common;

use std::sync::Arc;

use common::{code, header, parts, settings, start, start_with, vm_body};
use lazuli_azure_sim::{Latency, MemoryHosts};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn requests_need_a_token_and_a_version() {
    let dir = tempfile::tempdir().unwrap();
    let mut sim = start(dir.path()).await;
    let url = format!("{}/subscriptions", sim.simulator.endpoint().https);
    let ask = |url: String, token: Option<String>| {
        let mut request = sim.client.get(url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        async move { request.send().await.unwrap() }
    };
    let answer = ask(format!("{url}?api-version=2022-12-01"), None).await;
    assert!(
        header(&answer, "www-authenticate")
            .unwrap()
            .starts_with("Bearer authorization_uri=")
    );
    let (status, body) = parts(answer).await;
    assert_eq!((status, code(&body)), (401, "AuthenticationFailed"));
    let answer = ask(
        format!("{url}?api-version=2022-12-01"),
        Some("a.b.c".to_owned()),
    )
    .await;
    assert_eq!(code(&parts(answer).await.1), "InvalidAuthenticationToken");
    let answer = ask(url.clone(), Some(sim.token.clone())).await;
    let (status, body) = parts(answer).await;
    assert_eq!((status, code(&body)), (400, "MissingApiVersionParameter"));
    let answer = ask(
        format!("{url}?api-version=2022-12-01"),
        Some(sim.token.clone()),
    )
    .await;
    assert!(header(&answer, "x-ms-request-id").is_some());
    assert!(header(&answer, "x-ms-routing-request-id").is_some());
    assert_eq!(answer.status(), 200);

    sim.control(Method::POST, "tokens/revoke", None).await;
    let (status, body) = sim.get("/subscriptions").await;
    assert_eq!((status, code(&body)), (401, "InvalidAuthenticationToken"));
    // The clock may not have moved on since.
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    sim.log_in().await;
    sim.read("/subscriptions").await;
    let (status, body) = sim
        .get("/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups")
        .await;
    assert_eq!((status, code(&body)), (404, "SubscriptionNotFound"));
    sim.simulator.stop().await;
}

#[tokio::test]
async fn clients_find_the_authority_and_the_catalogue() {
    let dir = tempfile::tempdir().unwrap();
    let sim = start(dir.path()).await;
    let endpoint = sim.simulator.endpoint().clone();
    let metadata = sim.read("/metadata/endpoints?api-version=2022-09-01").await;
    assert_eq!(metadata["authentication"]["loginEndpoint"], endpoint.https);
    let openid = sim
        .read(&format!(
            "/{}/v2.0/.well-known/openid-configuration",
            endpoint.tenant
        ))
        .await;
    assert_eq!(
        openid["token_endpoint"],
        format!("{}/{}/oauth2/v2.0/token", endpoint.https, endpoint.tenant)
    );
    let skus = sim
        .read(&format!(
            "{}/providers/Microsoft.Compute/skus?$filter=location%20eq%20'westeurope'&api-version=2021-07-01",
            sim.subscription()
        ))
        .await;
    let skus = skus["value"].as_array().unwrap();
    assert!(
        skus.iter()
            .all(|sku| sku["locations"] == json!(["westeurope"]))
    );
    assert!(skus.iter().any(|sku| sku["name"] == "Standard_D2ps_v5"));
    let prices = sim
        .read("/api/retail/prices?$filter=armRegionName%20eq%20'eastus'%20and%20armSkuName%20eq%20'Standard_B1s'")
        .await;
    assert_eq!(prices["Items"][0]["retailPrice"], 0.0104);
    let compute = sim
        .read(&format!(
            "{}/providers/Microsoft.Compute",
            sim.subscription()
        ))
        .await;
    assert_eq!(compute["registrationState"], "Registered");
    sim.simulator.stop().await;
}

#[tokio::test]
async fn what_is_not_on_offer_is_refused_in_azures_words() {
    let dir = tempfile::tempdir().unwrap();
    let sim = start(dir.path()).await;
    let subnet = sim.with_network("rg").await;
    let vm = sim.vm("rg", "m");
    let with = |path: &str, value: Value| {
        let mut body = vm_body(&subnet, false);
        *body.pointer_mut(path).unwrap() = value;
        body
    };
    let image = "/properties/storageProfile/imageReference/sku";
    let size = "/properties/hardwareProfile/vmSize";
    let data = "/properties/osProfile/customData";
    for (body, status, expected) in [
        (with(image, json!("nothing")), 404, "PlatformImageNotFound"),
        (with(size, json!("Standard_X9")), 400, "InvalidParameter"),
        (with(size, json!("Standard_D2ps_v5")), 400, "BadRequest"),
        (with(data, json!("%%%")), 400, "InvalidParameter"),
        (
            with("/location", json!("atlantis")),
            400,
            "LocationNotAvailableForResourceType",
        ),
        (
            with("/location", json!("westus2")),
            400,
            "InvalidResourceReference",
        ),
    ] {
        let (got, answer) = sim.put(&vm, body).await;
        assert_eq!((got, code(&answer)), (status, expected), "{answer}");
    }
    sim.control(
        Method::POST,
        "skus",
        Some(json!({"name": "Standard_B1s", "restricted": true})),
    )
    .await;
    let (status, answer) = sim.put(&vm, vm_body(&subnet, false)).await;
    assert_eq!((status, code(&answer)), (409, "SkuNotAvailable"));
    // Nothing of all this is left.
    let inventory = sim.control(Method::GET, "inventory", None).await;
    assert_eq!(inventory["resources"].as_array().unwrap().len(), 3);
    sim.simulator.stop().await;
}

#[tokio::test]
async fn quotas_say_how_much_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.quotas.insert("cores".to_owned(), 1);
    settings.quotas.insert("PublicIPAddresses".to_owned(), 0);
    let sim = start_with(settings, Arc::new(MemoryHosts::default())).await;
    let subnet = sim.with_network("rg").await;
    let (status, answer) = sim.put(&sim.vm("rg", "p"), vm_body(&subnet, true)).await;
    assert_eq!((status, code(&answer)), (400, "PublicIPCountLimitReached"));
    sim.create(&sim.vm("rg", "a"), vm_body(&subnet, false))
        .await;
    let (status, answer) = sim.put(&sim.vm("rg", "b"), vm_body(&subnet, false)).await;
    assert_eq!((status, code(&answer)), (409, "OperationNotAllowed"));
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("Current Limit: 1, Current Usage: 1, Additional Required: 1, (Minimum) New Limit Required: 2"),
        "{message}"
    );
    let usages = sim
        .read(&format!(
            "{}/providers/Microsoft.Compute/locations/eastus/usages",
            sim.subscription()
        ))
        .await;
    let cores = usages["value"]
        .as_array()
        .unwrap()
        .iter()
        .find(|usage| usage["name"]["value"] == "cores");
    assert_eq!(cores.unwrap()["currentValue"], 1);
    sim.control(Method::POST, "quotas", Some(json!({"cores": 4})))
        .await;
    sim.create(&sim.vm("rg", "b"), vm_body(&subnet, false))
        .await;
    sim.simulator.stop().await;
}

#[tokio::test]
async fn faults_strike_before_and_after_the_effect() {
    let dir = tempfile::tempdir().unwrap();
    let sim = start(dir.path()).await;
    let subnet = sim.with_network("rg").await;
    let fault = |name: &str, when: &str, action: Value| json!({"method": "PUT", "path": format!("*/virtualMachines/{name}"), "count": 1, "when": when, "action": action});
    for body in [
        fault(
            "before",
            "before",
            json!({"status": 503, "headers": {"Retry-After": "7"}}),
        ),
        fault("after", "after", json!({"status": 500})),
        fault("cut", "after", json!({"drop": true})),
        fault(
            "broke",
            "before",
            json!({"fail_operation": {"code": "AllocationFailed", "message": "full"}}),
        ),
    ] {
        sim.control(Method::POST, "faults", Some(body)).await;
    }
    let path = |name: &str| sim.vm("rg", name);

    let p = path("before");
    let before = sim
        .send(Method::PUT, &p, &[], Some(vm_body(&subnet, false)))
        .await
        .unwrap();
    assert_eq!(
        (
            before.status().as_u16(),
            header(&before, "retry-after").unwrap().as_str()
        ),
        (503, "7")
    );
    assert_eq!(sim.get(&p).await.0, 404);

    let p = path("after");
    let after = sim
        .send(Method::PUT, &p, &[], Some(vm_body(&subnet, false)))
        .await
        .unwrap();
    assert_eq!(after.status(), 500);
    assert_eq!(sim.get(&p).await.0, 200);

    let p = path("cut");
    assert!(
        sim.send(Method::PUT, &p, &[], Some(vm_body(&subnet, false)))
            .await
            .is_err()
    );
    assert_eq!(sim.get(&p).await.0, 200);

    let p = path("broke");
    let broke = sim
        .send(Method::PUT, &p, &[], Some(vm_body(&subnet, true)))
        .await
        .unwrap();
    assert_eq!(broke.status(), 201);
    let ended = sim
        .poll(&header(&broke, "azure-asyncoperation").unwrap())
        .await;
    assert_eq!(
        (&ended["status"], &ended["error"]["code"]),
        (&json!("Failed"), &json!("AllocationFailed"))
    );
    // The VM stays and says so, and so do its NIC and its address.
    let vm = sim.read(&p).await;
    assert_eq!(vm["properties"]["provisioningState"], "Failed");
    assert_eq!(
        sim.read(&sim.network("rg", "publicIPAddresses")).await["value"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    // The same PUT again mends it.
    let mended = sim.create(&p, vm_body(&subnet, true)).await;
    assert_eq!(mended["properties"]["provisioningState"], "Succeeded");

    let journal = sim
        .control(
            Method::GET,
            "journal?method=PUT&path=*virtualMachines*",
            None,
        )
        .await;
    let statuses: Vec<i64> = journal["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["status"].as_i64().unwrap())
        .collect();
    assert_eq!(statuses, [503, 500, 0, 201, 200]);
    sim.simulator.stop().await;
}

#[tokio::test]
async fn a_deletion_goes_before_a_creation_that_hangs() {
    let dir = tempfile::tempdir().unwrap();
    let sim = start(dir.path()).await;
    let subnet = sim.with_network("rg").await;
    sim.control(
        Method::POST,
        "faults",
        Some(json!({"method": "PUT", "path": "*/virtualMachines/m", "action": {"hang_operation": true}})),
    )
    .await;
    let p = sim.vm("rg", "m");
    let answer = sim
        .send(Method::PUT, &p, &[], Some(vm_body(&subnet, true)))
        .await
        .unwrap();
    let operation = header(&answer, "azure-asyncoperation").unwrap();
    assert_eq!(sim.read(&operation).await["status"], "InProgress");
    let (status, body) = parts(
        sim.send(Method::POST, &format!("{p}/restart"), &[], None)
            .await
            .unwrap(),
    )
    .await;
    assert_eq!((status, code(&body)), (409, "Conflict"));
    sim.remove(&p).await;
    let ended = sim.read(&operation).await;
    assert_eq!(ended["error"]["code"], "OperationPreempted");
    sim.simulator.stop().await;
}

#[tokio::test]
async fn reads_lag_behind_when_asked_to() {
    let dir = tempfile::tempdir().unwrap();
    let sim = start(dir.path()).await;
    let subnet = sim.with_network("rg").await;
    let vm = sim.vm("rg", "old");
    sim.create(&vm, vm_body(&subnet, false)).await;
    let lag = |list: i64, get: i64| json!({"list_ms": list, "get_ms": get});
    // Long enough for the whole test.
    sim.control(Method::POST, "lag", Some(lag(0, 600_000)))
        .await;
    assert_eq!(sim.get(&vm).await.0, 404);
    sim.control(Method::POST, "lag", Some(lag(600_000, 0)))
        .await;
    let list = format!(
        "{}/providers/Microsoft.Compute/virtualMachines",
        sim.group("rg")
    );
    assert_eq!(sim.read(&list).await["value"], json!([]));
    sim.control(Method::POST, "lag", Some(lag(0, 600_000)))
        .await;
    sim.remove(&vm).await;
    assert_eq!(sim.get(&vm).await.0, 200, "a GET shows what is gone");
    sim.control(Method::POST, "lag", Some(lag(0, 0))).await;
    assert_eq!(sim.get(&vm).await.0, 404);
    sim.simulator.stop().await;
}

#[tokio::test]
async fn the_front_door_throttles_until_its_buckets_are_reset() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(dir.path());
    settings.throttle = true;
    let sim = start_with(settings, Arc::new(MemoryHosts::default())).await;
    let subnet = sim.with_network("rg").await;
    let vm = sim.vm("rg", "m");
    sim.create(&vm, vm_body(&subnet, false)).await;
    let tagged = json!({"tags": {"a": "b"}});
    let refused = 'refused: {
        for _ in 0..20 {
            let answer = sim
                .send(Method::PATCH, &vm, &[], Some(tagged.clone()))
                .await
                .unwrap();
            if answer.status() == 429 {
                break 'refused answer;
            }
        }
        panic!("twenty updates of one VM were taken");
    };
    assert!(
        header(&refused, "retry-after")
            .unwrap()
            .parse::<u64>()
            .unwrap()
            >= 1
    );
    let (_, body) = parts(refused).await;
    assert_eq!(body["error"]["details"][0]["code"], "TooManyRequests");
    sim.control(Method::POST, "buckets/reset", None).await;
    let answer = sim.send(Method::GET, &vm, &[], None).await.unwrap();
    assert_eq!(
        header(&answer, "x-ms-ratelimit-remaining-subscription-reads").unwrap(),
        "249"
    );
    sim.simulator.stop().await;
}

#[tokio::test]
async fn work_under_way_goes_on_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut slow = settings(dir.path());
    slow.latency = Latency::Fixed(60_000);
    let hosts = Arc::new(MemoryHosts::default());
    let sim = start_with(slow, hosts.clone()).await;
    let group = sim.group("rg");
    sim.put(&group, json!({"location": "eastus"})).await;
    let vnet = sim.network("rg", "virtualNetworks/net");
    let body = json!({"location": "eastus", "properties": {
        "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
        "subnets": [{"name": "default", "properties": {"addressPrefix": "10.0.0.0/24"}}],
    }});
    let (status, answer) = sim.put(&vnet, body).await;
    assert_eq!(
        (status, &answer["properties"]["provisioningState"]),
        (201, &json!("Updating"))
    );
    let p = sim.vm("rg", "m");
    let answer = sim
        .send(
            Method::PUT,
            &p,
            &[],
            Some(vm_body(&format!("{vnet}/subnets/default"), false)),
        )
        .await
        .unwrap();
    assert_eq!(header(&answer, "retry-after").unwrap(), "60");
    let operation = header(&answer, "azure-asyncoperation").unwrap();
    assert_eq!(sim.read(&operation).await["status"], "InProgress");
    sim.simulator.stop().await;

    // The latency is part of the operation that was written down; the time
    // that has passed since its start counts.
    let sim = start_with(settings(dir.path()), hosts).await;
    assert_eq!(sim.read(&operation).await["status"], "InProgress");
    sim.remove(&p).await;
    sim.simulator.stop().await;
}

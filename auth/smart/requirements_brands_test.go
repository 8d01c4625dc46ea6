package smart_test

import (
	"net/http"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/firth-health/firth/auth/smart"
)

// brandRequirements is brands.html.
func brandRequirements() []requirement {
	return []requirement{
		{id: "395", verdict: holds, test: brandIdentifier},
		{id: "396", verdict: holds, test: brandIsPrimary},
		{id: "397", verdict: holds, note: "by a bundle of the operator's own", test: brandsSupplied},
		{id: "398", verdict: holds, test: brandTimestamp},
		{id: "399", verdict: holds, test: brandsUpdated},
		{id: "400", verdict: holds, test: brandsForAllOrigins},
		{id: "401", verdict: holds, test: brandETag},
		{id: "402", verdict: holds, note: "common elements by settings, all by a bundle of the operator's own", test: brandsSupplied},
		{id: "403", verdict: holds, test: brandsSupplied},
		{id: "404", verdict: declined, note: "the bundle that is made has none; one of the operator's own may"},
		{id: "405", verdict: holds, test: func(c *check) {
			b, _, _ := brandBundle(c)
			c.ok(!strings.Contains(b.body, "data-absent-reason"), "%s", b.body)
		}},
		{id: "406", verdict: holds, test: brandsConfigured},
		{id: "407", verdict: holds, test: brandIsPrimary},
		{id: "408", verdict: holds, note: "by a bundle of the operator's own", test: brandsSupplied},
		{id: "409", verdict: holds, test: brandsConfigured},
		{id: "410", verdict: holds, test: brandIdentifier},
		{id: "411", verdict: holds, test: brandIdentifier},
		{id: "412", verdict: holds, note: "a bundle of the operator's own is refused at the start otherwise", test: brandIdentifier},
		{id: "417", verdict: holds, test: brandIsPrimary},
		{id: "418", verdict: holds, test: brandTimestamp},
		{id: "419", verdict: holds, test: brandsUpdated},
		{id: "421", verdict: holds, test: brandsSupplied},
		{id: "422", verdict: holds, test: brandIdentifier},
		{id: "423", verdict: holds, test: brandsForAllOrigins},
		{id: "424", verdict: holds, test: brandETag},
		{id: "427", verdict: holds, test: brandsConfigured},
		{id: "428", verdict: holds, test: brandsConfigured},
		{id: "429", verdict: holds, test: brandsConfigured},
		{id: "430", verdict: holds, test: brandIdentifier},
		{id: "431", verdict: holds, test: brandIdentifier},
		{id: "432", verdict: holds, test: brandIdentifier},
		{id: "433", verdict: holds, test: brandIsPrimary},
		{id: "434", verdict: holds, note: "by a bundle of the operator's own", test: brandsSupplied},
		{id: "436", verdict: holds, note: "common elements by settings, all by a bundle of the operator's own", test: brandsSupplied},
		{id: "437", verdict: holds, test: func(c *check) {
			b, _, _ := brandBundle(c)
			c.ok(!strings.Contains(b.body, "data-absent-reason"), "%s", b.body)
		}},
	}
}

// brandBundle reads the brands.
func brandBundle(c *check) (b answered, organizations, endpoints []map[string]any) {
	b = c.request(http.MethodGet, "/auth/brands.json", "", "Origin", "https://anywhere.example")
	entries, _ := b.json["entry"].([]any)
	for _, e := range entries {
		resource, _ := e.(map[string]any)["resource"].(map[string]any)
		if resource["resourceType"] == "Organization" {
			organizations = append(organizations, resource)
		} else {
			endpoints = append(endpoints, resource)
		}
	}
	return b, organizations, endpoints
}

// brandIsPrimary finds one organization with the endpoint of this server.
func brandIsPrimary(c *check) {
	_, organizations, endpoints := brandBundle(c)
	c.equal(len(organizations), 1)
	c.equal(len(endpoints), 1)
	c.equal(endpoints[0]["address"], c.base)
	c.ok(strings.Contains(jsonOf(organizations[0]["endpoint"]), "Endpoint/"+endpoints[0]["id"].(string)), "%v", organizations[0])
}

// brandTimestamp is when the bundle was made.
func brandTimestamp(c *check) {
	b, _, _ := brandBundle(c)
	c.ok(strings.HasSuffix(b.text("timestamp"), "Z"), "%s", b.body)
}

// brandsUpdated is when each was.
func brandsUpdated(c *check) {
	_, organizations, endpoints := brandBundle(c)
	for _, resource := range append(organizations, endpoints...) {
		meta, _ := resource["meta"].(map[string]any)
		c.ok(meta["lastUpdated"] != nil, "%v", resource)
	}
}

// brandsForAllOrigins shows them to pages of any site.
func brandsForAllOrigins(c *check) {
	b, _, _ := brandBundle(c)
	c.equal(b.header.Get("Access-Control-Allow-Origin"), "*")
}

// brandETag spares reading them again.
func brandETag(c *check) {
	b, _, _ := brandBundle(c)
	c.ok(strings.HasPrefix(b.header.Get("ETag"), `W/"`), "%v", b.header)
	c.equal(c.request(http.MethodGet, "/auth/brands.json", "", "If-None-Match", b.header.Get("ETag")).status, http.StatusNotModified)
}

// brandIdentifier finds the organization that the discovery document names.
func brandIdentifier(c *check) {
	_, organizations, _ := brandBundle(c)
	want, _ := c.config.json["user_access_brand_identifier"].(map[string]any)
	c.ok(want["value"] != nil && want["system"] != nil, "%v", want)
	found := 0
	for _, o := range organizations {
		for _, id := range o["identifier"].([]any) {
			if cmp.Equal(id, any(want)) {
				found++
			}
		}
	}
	c.equal(found, 1)
}

// brandsSupplied serves a bundle of the operator's own.
func brandsSupplied(c *check) {
	own := `{"resourceType":"Bundle","type":"collection","timestamp":"2026-01-01T00:00:00Z","entry":[{"resource":{"resourceType":"Organization","identifier":[{"system":"urn:oid:1.2","value":"7"}],"name":"Own","alias":["O"]}}]}`
	server := c.open(func(o *smart.Options) {
		o.Brand = smart.Brand{IdentifierSystem: "urn:oid:1.2", IdentifierValue: "7", Bundle: []byte(own)}
	})
	before := c.Server
	c.Server = server
	defer func() { c.Server = before }()
	c.equal(c.request(http.MethodGet, "/auth/brands.json", "").body, own)
	config := c.request(http.MethodGet, "/.well-known/smart-configuration", "")
	c.equal(config.json["user_access_brand_identifier"], map[string]any{"system": "urn:oid:1.2", "value": "7"})
}

// brandsConfigured finds them in the discovery document.
func brandsConfigured(c *check) {
	c.ok(c.config.json["user_access_brand_bundle"] != nil && c.config.json["user_access_brand_identifier"] != nil, "%s", c.config.body)
}

package deploy

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/firth-health/firth/internal/config"
)

func TestComposeSpecification(t *testing.T) {
	file, err := os.Open(filepath.Join("testdata", "compose-spec.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	document, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("compose-spec.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("compose-spec.json")
	if err != nil {
		t.Fatal(err)
	}
	var content any
	decode(t, "docker-compose.yml", &content)
	if err := schema.Validate(content); err != nil {
		t.Error(err)
	}
	wrong := map[string]any{"services": map[string]any{"firth": map[string]any{"image": "firth", "helthcheck": map[string]any{}}}}
	if schema.Validate(wrong) == nil {
		t.Error("the schema finds no mistake in a wrong file")
	}
}

func TestImagesArePinned(t *testing.T) {
	pinned := regexp.MustCompile(`^[a-z/]+:v?\d+\.\d+\.\d+$`)
	for name, s := range compose(t).Services {
		if s.Build == "" && !pinned.MatchString(s.Image) {
			t.Errorf("%s: image %q is not pinned to a release", name, s.Image)
		}
	}
}

func TestServicesAreWatched(t *testing.T) {
	services := compose(t).Services
	for name, s := range services {
		ends := slices.ContainsFunc(sortedValues(services), func(other service) bool { return other.DependsOn[name].Condition == "service_completed_successfully" })
		if s.Build == "" && !ends && len(s.Healthcheck.Test) == 0 {
			t.Errorf("%s has no health check", name)
		}
		for other, d := range s.DependsOn {
			if _, known := services[other]; !known || d.Condition == "service_started" {
				t.Errorf("%s does not wait for %s to be of use", name, other)
			}
		}
	}
}

func sortedValues(services map[string]service) (all []service) {
	for _, s := range services {
		all = append(all, s)
	}
	return all
}

func TestNoSecretsInTheFile(t *testing.T) {
	asked := map[string]string{}
	for _, found := range variable.FindAllStringSubmatch(read(t, "docker-compose.yml"), -1) {
		asked[found[1]] = found[2]
		if found[2] == "" {
			t.Errorf("%s is not required: without it the password would be empty", found[1])
		}
	}
	for name, s := range compose(t).Services {
		for key, value := range s.Environment {
			if u, err := url.Parse(variable.ReplaceAllString(value, "")); err == nil && u.User != nil {
				if password, _ := u.User.Password(); password != "" {
					t.Errorf("%s: a password in %s", name, key)
				}
			}
			if strings.Contains(key, "PASSWORD") && variable.ReplaceAllString(value, "") != "" {
				t.Errorf("%s: %s is in the file", name, key)
			}
		}
	}
	values := exampleEnv(t)
	for name := range asked {
		if !strings.HasPrefix(values[name], "insecure-development-") {
			t.Errorf("deploy/example.env has no value for %s that says what it is", name)
		}
	}
	if len(asked) != len(values) {
		t.Errorf("%d variables in docker-compose.yml, %d in deploy/example.env", len(asked), len(values))
	}
	if !strings.Contains(read(t, ".gitignore"), "\n/.env\n") {
		t.Error(".env is not ignored")
	}
}

// firthConfig is the configuration that the service firth gets.
func firthConfig(t *testing.T) config.Config {
	t.Helper()
	s := compose(t).Services["firth"]
	c := config.Defaults()
	settings := c.Settings()
	var flags []*config.Flag
	known := map[string]bool{}
	for _, setting := range settings {
		known[setting.Env()] = true
		f := setting.Flag()
		flags = append(flags, f)
		for i, argument := range s.Command {
			name, value, _ := strings.Cut(strings.TrimPrefix(argument, "--"), "=")
			if i > 0 && name == setting.Name {
				if f.IsBool() && value == "" {
					value = "true"
				}
				if err := f.Set(value); err != nil {
					t.Fatal(err)
				}
				s.Command[i] = ""
			}
		}
	}
	if left := strings.Join(s.Command, ""); left != "serve" {
		t.Errorf("the command has what is no setting: %q", s.Command)
	}
	for name := range s.Environment {
		if strings.HasPrefix(name, "FIRTH_") && !known[name] {
			t.Errorf("%s is no setting", name)
		}
	}
	lookup := func(name string) (string, bool) { v, ok := s.Environment[name]; return expand(t, v), ok }
	if err := config.Resolve(settings, config.File{}, lookup, flags); err != nil {
		t.Fatal(err)
	}
	return c
}

// Without TLS, what is listened at is for this machine; without authorization nothing is.
func TestFirthIsReachedFromThisMachineOnly(t *testing.T) {
	c := firthConfig(t)
	if c.Dev || c.Keys != "" {
		t.Error("without authorization, or with key files elsewhere than in the image's volume")
	}
	if err := config.CheckLoopback(t.Context(), c.Listen); err != nil {
		t.Error(err)
	}
	services := compose(t).Services
	if mode := services["firth"].NetworkMode; mode != "host" {
		t.Errorf("network %q: the loopback address of a network of its own leads nowhere", mode)
	}
	for name, s := range services {
		for _, port := range s.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("%s publishes %s to other machines", name, port)
			}
		}
	}
	for _, address := range []string{flagOf(services["prometheus"].Command, "web.listen-address"), grafanaAddress(t)} {
		if err := config.CheckLoopback(t.Context(), address); err != nil {
			t.Error(err)
		}
	}
}

func grafanaAddress(t *testing.T) string {
	e := compose(t).Services["grafana"].Environment
	return net.JoinHostPort(e["GF_SERVER_HTTP_ADDR"], e["GF_SERVER_HTTP_PORT"])
}

// What one file says of an address, a name or a port, the others say too.
func TestFilesAgree(t *testing.T) {
	c, services := firthConfig(t), compose(t).Services
	uri, err := url.Parse(c.Store)
	if err != nil {
		t.Fatal(err)
	}
	setup, mongod := read(t, "deploy/mongodb/setup.js"), services["mongodb"]
	find := func(text, pattern string) string {
		found := regexp.MustCompile(pattern).FindStringSubmatch(text)
		if found == nil {
			t.Errorf("nothing like %s", pattern)
			return ""
		}
		return found[1]
	}
	var scraped struct {
		Rules []string `yaml:"rule_files"`
		Jobs  []struct {
			Name    string `yaml:"job_name"`
			Targets []struct {
				Targets []string `yaml:"targets"`
			} `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	decode(t, "deploy/prometheus/prometheus.yml", &scraped)
	var sources struct {
		Sources []struct {
			UID string `yaml:"uid"`
			URL string `yaml:"url"`
		} `yaml:"datasources"`
	}
	decode(t, "deploy/grafana/provisioning/datasources/prometheus.yml", &sources)
	prometheus := flagOf(services["prometheus"].Command, "web.listen-address")
	tests := []struct{ name, want, got string }{
		{"address of MongoDB, published", uri.Host, strings.TrimSuffix(mongod.Ports[0], ":27017")},
		{"address of MongoDB, as member", uri.Host, find(setup, `host: "([^"]+)"`)},
		{"name of the replica set, of the server", uri.Query().Get("replicaSet"), flagOf(mongod.Command, "replSet")},
		{"name of the replica set, as made", uri.Query().Get("replicaSet"), find(setup, `_id: "([^"]+)"`)},
		{"user of MongoDB", uri.User.Username(), find(setup, `createUser\(\{ user: "([^"]+)"`)},
		{"database", strings.TrimPrefix(uri.Path, "/"), find(setup, `db: "([^"]+)"`)},
		{"database of the users", uri.Query().Get("authSource"), find(setup, `27017/([a-z]+)\?`)},
		{"key of the replica set", flagOf(mongod.Command, "keyFile"), find(read(t, "deploy/mongodb/start.sh"), `(?m)^key=(.*)$`)},
		{"image of MongoDB", mongod.Image, services["mongodb-setup"].Image},
		{"what is scraped", c.Listen, scraped.Jobs[0].Targets[0].Targets[0]},
		{"rules", "alerts.yml", strings.Join(scraped.Rules, " ")},
		{"data source", "http://" + prometheus, sources.Sources[0].URL},
		{"health check of Prometheus", "http://" + prometheus + "/-/healthy", services["prometheus"].Healthcheck.Test[5]},
		{"health check of Grafana", "http://" + grafanaAddress(t) + "/api/health", services["grafana"].Healthcheck.Test[5]},
		{"profiles", "metrics metrics", strings.Join(append(services["prometheus"].Profiles, services["grafana"].Profiles...), " ")},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s:\n%s", tt.name, diff)
		}
	}
	if scraped.Jobs[0].Name != "firth" || sources.Sources[0].UID != "prometheus" {
		t.Errorf("job %s, data source %s", scraped.Jobs[0].Name, sources.Sources[0].UID)
	}
}

func TestVolumes(t *testing.T) {
	f := compose(t)
	used := map[string]bool{}
	for name, s := range f.Services {
		for _, v := range s.Volumes {
			source, _, _ := strings.Cut(v, ":")
			if !strings.HasPrefix(source, ".") {
				used[source] = true
				continue
			}
			if _, err := os.Stat(filepath.Join("..", "..", source)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if !strings.HasSuffix(v, ":ro") {
				t.Errorf("%s may write to %s", name, source)
			}
		}
	}
	for name := range f.Volumes {
		if !used[name] {
			t.Errorf("nobody uses the volume %s", name)
		}
		delete(used, name)
	}
	if len(used) > 0 {
		t.Errorf("volumes without a declaration: %v", used)
	}
}

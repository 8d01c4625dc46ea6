package mongo_test

import (
	"testing"

	"github.com/firth-health/firth/store/mongo"
)

func TestInDatabase(t *testing.T) {
	for uri, want := range map[string]string{
		"mongodb://127.0.0.1:1/":                          "mongodb://127.0.0.1:1/db",
		"mongodb://a":                                     "mongodb://a/db",
		"mongodb://a:1,b:2/firth?replicaSet=rs0":          "mongodb://a:1,b:2/db?replicaSet=rs0",
		"mongodb://u:p@a:1/?replicaSet=rs0":               "mongodb://u:p@a:1/db?replicaSet=rs0&authSource=admin",
		"mongodb://u:p@a:1/users":                         "mongodb://u:p@a:1/db?authSource=users",
		"mongodb+srv://u:p@a/other?authSource=x&tls=true": "mongodb+srv://u:p@a/db?authSource=x&tls=true",
	} {
		if got := mongo.InDatabase(uri, "db"); got != want {
			t.Errorf("%s: %s, want %s", uri, got, want)
		}
	}
}

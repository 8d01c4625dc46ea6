package mongo

import (
	"context"
	"errors"
	"strings"

	"go.mongodb.org/mongo-driver/v2/mongo"
)

// InDatabase is a URI with another database. Who logs in with a name still does so where the URI says, or where its database was.
func InDatabase(uri, database string) string {
	scheme, rest, _ := strings.Cut(uri, "://")
	rest, query, _ := strings.Cut(rest, "?")
	hosts, before, _ := strings.Cut(rest, "/")
	if strings.Contains(hosts, "@") && !strings.Contains(strings.ToLower(query), "authsource=") {
		query = strings.TrimPrefix(query+"&authSource="+or(before, "admin"), "&")
	}
	if query != "" {
		query = "?" + query
	}
	return scheme + "://" + hosts + "/" + database + query
}

// Drop deletes the database that the URI names, with all that is in it. Nothing may have it open.
func Drop(ctx context.Context, uri string) error {
	name, err := databaseName(uri, "")
	if err != nil {
		return err
	}
	client, err := mongo.Connect(clientOptions(uri, Options{}.withDefaults()))
	if err != nil {
		return err
	}
	return errors.Join(translate(ctx, client.Database(name).Drop(ctx)), client.Disconnect(ctx))
}

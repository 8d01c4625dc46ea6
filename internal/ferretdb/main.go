// Command ferretdb is the MongoDB-wire server that the tests of store/mongo run against when no real one is named: FerretDB over SQLite in a directory.
//
// It is a module of its own, so that what it needs stays out of the product's. It prints its URI on a line of its own when it listens, and ends when its
// standard input does: a test that dies takes its server along.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "ferretdb:", err)
		os.Exit(1)
	}
}

func run() error {
	dir := flag.String("dir", "", "an existing directory for the databases")
	listen := flag.String("listen", "127.0.0.1:0", "TCP address to listen at")
	verbose := flag.Bool("verbose", false, "log what the server does")
	flag.Parse()
	if *dir == "" {
		return errors.New("-dir is missing")
	}
	log := slog.New(slog.DiscardHandler)
	if *verbose {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: *listen},
		Logger:    log,
		Handler:   "sqlite",
		SQLiteURL: "file:" + *dir + "/?_pragma=synchronous(off)", // nothing has to outlive the machine
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	fmt.Println(server.MongoDBURI()) // waits until the server listens
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	return <-ended
}

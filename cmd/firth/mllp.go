package main

import (
	"context"
	"errors"
	"log/slog"

	"github.com/firth-health/firth/internal/config"
	"github.com/firth-health/firth/server"
)

type mllpServer struct{}

func startMLLP(context.Context, config.Config, *slog.Logger, *server.Server, chan<- error) (*mllpServer, error) {
	return nil, errors.New("not yet")
}
func (m *mllpServer) stop(context.Context) error { return nil }
func (m *mllpServer) address() string            { return "" }

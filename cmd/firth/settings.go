package main

import (
	"fmt"
	"log/slog"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/firth-health/firth/internal/config"
)

// settings gives a command the flags of the named settings and --config. The returned function reads flags, environment and file; its errors are
// wrong usage.
func settings(cmd *cobra.Command, names ...string) func() (config.Config, error) {
	c := config.Defaults()
	table := c.Settings()
	flags := make([]*config.Flag, 0, len(names))
	for _, s := range table {
		if !slices.Contains(names, s.Name) {
			continue
		}
		f := s.Flag()
		flags = append(flags, f)
		added := cmd.Flags().VarPF(f, s.Name, "", s.Help())
		if f.IsBool() {
			added.NoOptDefVal = "true"
		}
	}
	file := cmd.Flags().String("config", "", "YAML `FILE` with settings [FIRTH_CONFIG]")
	return func() (config.Config, error) {
		content, err := readConfigFile(*file)
		if err == nil {
			err = config.Resolve(table, content, os.LookupEnv, flags)
		}
		if err == nil {
			err = c.Check()
		}
		if err != nil {
			return c, usageError{err}
		}
		return c, nil
	}
}

func readConfigFile(name string) (config.File, error) {
	if name == "" {
		name = os.Getenv("FIRTH_CONFIG")
	}
	if name == "" {
		return config.File{}, nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return config.File{}, fmt.Errorf("configuration: %w", err)
	}
	return config.File{Name: name, Data: data}, nil
}

// loadingSettings are those of what writes resources into a store and answers nobody.
func loadingSettings(more ...string) []string {
	return append(more, "log-level", "log-format", "cache", "mongo-allow-standalone", "content", "max-body", "max-entries", "validation", "request-timeout")
}

// handlerSettings are the settings of everything that answers requests in this process, from a network or not.
func handlerSettings(more ...string) []string {
	return append(more, "log-level", "log-format", "cache", "mongo-allow-standalone", "mongo-read", "content", "max-body", "max-entries", "max-deletes", "validation", "page-size", "max-page-size", "request-timeout")
}

// listenerSettings are those of everything that listens as well.
func listenerSettings(more ...string) []string {
	return handlerSettings(append(more, "header-timeout", "idle-timeout", "shutdown-timeout", "max-jobs", "query-cost")...)
}

// logger writes records to the standard error.
func logger(c config.Config) *slog.Logger {
	options := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}

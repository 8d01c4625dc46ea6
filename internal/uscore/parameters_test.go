package uscore

import "testing"

func (c *client) defineParameters(t *testing.T) { t.Helper() }

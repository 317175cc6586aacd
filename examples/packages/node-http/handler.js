const express = require('express');
const ms = require('ms');

const app = express();
app.use((request, response) => response.send(`two days are ${ms('2 days')} ms\n`));

module.exports = app;
